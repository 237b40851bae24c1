"""Displacement along the rays that nothing confirms, taken off the surface behind a single image.

A fit to one image draws the image's colour edges as grooves and steps in depth: from the front nothing speaks
against them. Seen from elsewhere they tear the image apart.
"""

import math
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import torch
from jaxtyping import Float, Int

from dreamgaussian.core.camera import Camera
from dreamgaussian.core.mesh import Mesh
from dreamgaussian.meshing.field import DensityField
from dreamgaussian.meshing.morphology import distance_to

if TYPE_CHECKING:
    from scipy.sparse import csr_array

CONCAVITY_RADIUS = 0.2
"""Radius of the ball that enters no groove, relative to the width of the displacement: grooves narrower than 0.4 of it
are filled, and smoothing makes the rest even."""
FILL_FACTOR = 1.2
"""Density to which grooves are filled, in levels: above 1, so that the surface passes outside."""
TOLERANCE = 1e-3
"""Relative residual of the conjugate gradients."""


def fill_concavities(field: DensityField, level: float, width: float) -> DensityField:
    """The field without the gaps that a ball, of a radius of a fifth of `width` (world units), does not enter: a
    morphological closing of the solid above `level`.
    """
    radius = CONCAVITY_RADIUS * width / field.spacing
    margin = math.ceil(radius) + 2
    solid = np.pad(field.density.numpy(force=True) >= level, margin)
    entered = distance_to(distance_to(solid) > radius) <= radius
    inner = (slice(margin, -margin),) * 3
    gaps = torch.from_numpy((~entered & ~solid)[inner]).to(field.density.device)
    return replace(field, density=torch.where(gaps, field.density.clamp_min(FILL_FACTOR * level), field.density))


def smooth_along_rays(mesh: Mesh, camera: Camera, width: float) -> Mesh:
    """The surface smoothed along the camera's rays, so that the camera sees the same outline as before.

    The vertices' shifts t_i along their rays minimise sum_i |laplacian(x + t d)_i|² k + sum_i t_i², with the graph's
    Laplacian; k halves waves of `width` world units, keeps longer ones and flattens shorter ones.
    """
    from scipy.sparse import csr_array, diags_array, eye_array
    from scipy.sparse.linalg import cg

    points = mesh.vertices.double().numpy(force=True)
    rays = points - camera.position.numpy(force=True)
    rays /= np.linalg.norm(rays, axis=1, keepdims=True)
    laplacian, edge = _laplacian(points, mesh.faces.numpy(force=True))
    bending = csr_array(laplacian.T @ laplacian)
    # On a regular triangulation of edges h the graph's Laplacian of a wave of length w is -(h / 2)² (2 pi / w)² of it;
    # shifts halve a wave where k times the square of that is 1.
    stiffness = 16 * (width / (2 * math.pi * edge)) ** 4

    onto_rays = [diags_array(rays[:, axis]) for axis in range(3)]
    energy = eye_array(len(points)) + stiffness * sum(axis @ bending @ axis for axis in onto_rays)
    forces = stiffness * (rays * (bending @ points)).sum(axis=1)
    shifts, _ = cg(csr_array(energy), -forces, rtol=TOLERANCE)
    return Mesh(torch.from_numpy((points + rays * shifts[:, None]).astype(np.float32)), mesh.faces)


def _laplacian(points: Float[np.ndarray, "v 3"], faces: Int[np.ndarray, "f 3"]) -> "tuple[csr_array, float]":
    """The mean of the neighbours less the vertex itself, and the edges' mean length."""
    from scipy.sparse import coo_array, csr_array, diags_array, eye_array

    count = len(points)
    starts, ends = faces.reshape(-1), np.roll(faces, -1, axis=1).reshape(-1)
    both = (np.concatenate([starts, ends]), np.concatenate([ends, starts]))
    neighbours = csr_array(coo_array((np.ones(len(both[0])), both), shape=(count, count)))
    neighbours = diags_array(1 / neighbours.sum(axis=1).clip(1)) @ neighbours
    return csr_array(neighbours - eye_array(count)), float(np.linalg.norm(points[starts] - points[ends], axis=1).mean())
