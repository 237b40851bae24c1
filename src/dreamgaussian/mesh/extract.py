"""Marching cubes over the density field."""

import numpy as np
import torch
from jaxtyping import Float

from dreamgaussian.errors import EmptyResult
from dreamgaussian.mesh.field import DensityField
from dreamgaussian.mesh.mesh import Mesh

PRESENT = 0.01
"""Densities below this are empty space."""


def surface_level(density: Float[torch.Tensor, "x y z"], level: float) -> float:
    """`level`, or half of what the densest tenth of the occupied points reaches where the Gaussians are fainter.

    The field is a sum, so that its height depends on how many Gaussians overlap and how opaque they have become;
    a fixed level would find nothing in a short or a sparse fit.
    Raises EmptyResult if all points are empty.
    """
    occupied = density[density > PRESENT]
    if occupied.numel() == 0:
        raise EmptyResult(
            f"The density field is empty: its maximum is {float(density.max()):.2g}. The Gaussians are too faint for "
            "a surface; fit for more steps, or check the picture's cut-out."
        )
    return min(level, 0.5 * float(np.quantile(occupied.numpy(force=True), 0.9)))


def extract_surface(field: DensityField, level: float) -> Mesh:
    """The surface where the density is `level`: closed, in the world frame, counter-clockwise seen from outside.

    Raises EmptyResult if the field does not reach the level.
    """
    from skimage.measure import marching_cubes

    highest = float(field.density.max())
    if highest <= level:
        raise EmptyResult(f"No surface at density {level:g}: the field's maximum is {highest:.3g}. Lower the density.")
    volume = np.pad(field.density.numpy(force=True), 1)
    vertices, faces, _, _ = marching_cubes(volume, level, gradient_direction="ascent")
    positions = field.origin.numpy(force=True) + field.spacing * (vertices - 1)
    return Mesh(torch.from_numpy(positions.astype(np.float32)), torch.from_numpy(faces.astype(np.int64)))
