"""The surface in the density field: its level, and marching cubes."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from dreamgaussian.core.camera import Camera
from dreamgaussian.core.errors import EmptyResult
from dreamgaussian.core.mesh import Mesh
from dreamgaussian.meshing.field import DensityField
from dreamgaussian.meshing.morphology import distance_to

MIN_DENSITY = 0.02
"""Densities below this count as empty space."""
OUTLINE_SIZE = 64
"""Outlines are compared at this many pixels."""
BLURS = (1.0, 1.5, 2.0, 3.0)
"""Standard deviations of the blurs that are tried, in cells."""
TOLERANCE = 1.04
"""A blur may raise the number of wrongly sorted pixels by this factor."""
RAY_SAMPLES = 160
"""Along a ray through the whole grid: less than a cell and a half apart at 128 grid points."""
RAYS_AT_ONCE = 4096
"""Bounds the memory."""
RAISE_SIZE = 192
"""Side, in pixels, of the image of rays along which densities are raised."""
RAISE_FACTOR = 1.5
"""Density to which rays inside a true outline are raised, in levels: the surface there is some cells thick."""


@dataclass(frozen=True, eq=False)
class Outline:
    """How much of each pixel the Gaussians cover, as they are drawn."""

    alpha: Float[Tensor, "h w"]
    camera: Camera
    depth: Float[Tensor, "h w"] | None = None
    """Mean depth of the Gaussians that are seen, along the viewing axis; needed for fusion alone."""


def fit_iso_level(field: DensityField, outlines: Sequence[Outline]) -> tuple[DensityField, float]:
    """The field, blurred as far as does no harm, and the level at which its outlines match those of the Gaussians.

    `outlines` are those of the Gaussians, from some sides. Crisp Gaussians make a crisp field, and the first blur
    spoils its outlines. The cloud of a vague prior has a field of spikes and pits that no view confirms: it may be
    blurred until its outlines suffer.
    Raises EmptyResult if the Gaussians cover no pixel.
    """
    best, (level, least) = field, surface_level(field, outlines)
    for blur in BLURS:
        candidate = blurred(field, blur)
        candidate_level, wrong = surface_level(candidate, outlines)
        if wrong > TOLERANCE * least:
            break
        best, level, least = candidate, candidate_level, min(least, wrong)
    return best, level


def blurred(field: DensityField, sigma: float) -> DensityField:
    """The field blurred by a Gaussian of `sigma` cells."""
    from scipy.ndimage import gaussian_filter

    smooth = gaussian_filter(field.density.numpy(force=True), sigma, mode="constant")
    return replace(field, density=torch.from_numpy(smooth))


def surface_level(field: DensityField, outlines: Sequence[Outline]) -> tuple[float, float]:
    """The density at which the surface, seen from the cameras, covers what the Gaussians cover by half and more.

    The field is a sum: its height depends on how many Gaussians overlap, how wide and how opaque they are, so that no
    fixed level suits all. A surface at level l covers the pixels whose rays meet a density of l; the best l is the one
    that sorts the fewest pixels wrongly. Their number, relative to the covered ones, is the second result.
    Raises EmptyResult if the Gaussians cover no pixel.
    """
    highest = torch.cat([_highest_along_rays(field, outline.camera) for outline in outlines])
    covered = torch.cat([_small(outline).reshape(-1) >= 0.5 for outline in outlines])
    if not bool(covered.any()):
        raise EmptyResult(
            f"The Gaussians are too faint for a surface: no pixel of {len(outlines)} views is half covered. "
            "Fit for more steps, or check the image's cut-out."
        )
    highest, order = highest.clamp_min(MIN_DENSITY).sort()
    covered = covered[order]
    wrong = covered.cumsum(0) + (~covered).sum() - (~covered).cumsum(0)
    best = int(wrong[:-1].argmin())
    return float(highest[best : best + 2].mean()), float(wrong[best] / covered.sum())


def _small(outline: Outline) -> Float[Tensor, "s s"]:
    size = (OUTLINE_SIZE, OUTLINE_SIZE)
    return torch.nn.functional.interpolate(outline.alpha.float().cpu()[None, None], size, mode="area")[0, 0]


def _highest_along_rays(field: DensityField, camera: Camera, size: int = OUTLINE_SIZE) -> Float[Tensor, " r"]:
    """The largest density that each of a small image's rays meets."""
    origin, directions = (tensor.float() for tensor in camera.resized(size).rays())
    sides = torch.tensor(field.density.shape) - 1
    center, reach = field.origin + field.spacing * sides / 2, float(field.spacing * sides.float().norm()) / 2
    middle = float((center - origin).norm())
    distances = torch.linspace(middle - reach, middle + reach, RAY_SAMPLES)
    highest = [
        _sampled(field, origin + some[:, None] * distances[:, None]).amax(dim=1)
        for some in directions.reshape(-1, 3).split(RAYS_AT_ONCE)
    ]
    return torch.cat(highest)


def _sampled(field: DensityField, points: Float[Tensor, "r s 3"]) -> Float[Tensor, "r s"]:
    """Densities between the grid's points, zero outside."""
    grid = 2 * (points - field.origin) / (field.spacing * (torch.tensor(field.density.shape) - 1)) - 1
    found = torch.nn.functional.grid_sample(field.density[None, None], grid.flip(-1)[None, None], align_corners=True)
    return found[0, 0, 0]


def match_true_outlines(field: DensityField, level: float, outlines: Sequence[Outline]) -> DensityField:
    """The field whose surface at `level` stays inside the true outlines and fills them as far as they agree.

    Several are carved before the field is raised, so that the surface grows where all of them allow it. Then each in
    turn is filled and carved by itself, the first one last: what is raised lies where the Gaussians were likeliest,
    which is seldom quite the right depth, and carved by all again it would lose its rims. In a second round they agree
    better.
    """
    if len(outlines) > 1:
        for outline in outlines:
            field = carve(field, level, outline)
        outlines = [*outlines, *outlines]
    for outline in reversed(outlines):
        field = carve(raise_to_level(field, level, outline), level, outline)
    return field


def raise_to_level(field: DensityField, level: float, outline: Outline) -> DensityField:
    """The field raised so that its surface at `level` covers a true outline, such as the input image's.

    Where the outline is covered and the ray of a pixel stays below the level, the densities along it are raised by
    the factor that brings the highest of them above: the surface grows where the Gaussians were likeliest.
    """
    highest = _highest_along_rays(field, outline.camera, RAISE_SIZE).view(RAISE_SIZE, RAISE_SIZE)
    inside = torch.nn.functional.interpolate(
        outline.alpha.float().cpu()[None, None], (RAISE_SIZE, RAISE_SIZE), mode="area"
    )
    raisable = (inside[0, 0] > 0) & (highest > MIN_DENSITY)
    gain = torch.where(raisable, (RAISE_FACTOR * level / highest.clamp_min(MIN_DENSITY)).clamp_min(1), 1.0)
    pixels, _ = outline.camera.project(field.points.view(-1, 3))
    return replace(field, density=field.density * _read(gain, pixels, outline.camera).view(field.density.shape))


def _read(image: Float[Tensor, "h w"], pixels: Float[Tensor, "n 2"], camera: Camera) -> Float[Tensor, " n"]:
    """Bilinear lookup at pixel coordinates of the camera."""
    grid = 2 * pixels / torch.tensor([camera.width, camera.height]) - 1
    looked_up = torch.nn.functional.grid_sample(
        image[None, None], grid[None, None], padding_mode="border", align_corners=False
    )
    return looked_up[0, 0, 0]


def carve(field: DensityField, level: float, outline: Outline) -> DensityField:
    """The field cut so that its surface at `level` stays inside a true outline, such as the input image's.

    The cut is the lesser of the field and of one that falls through the level at the outline, by `level` a cell.
    """
    inside = outline.alpha.numpy(force=True) >= 0.5
    signed_px = torch.from_numpy(distance_to(~inside) - distance_to(inside)).float()
    pixels, depths = outline.camera.project(field.points.view(-1, 3))
    cells = _read(signed_px, pixels, outline.camera) * depths / outline.camera.focal_px / field.spacing
    cone = level * (1 + cells).clamp_min(0).view(field.density.shape)
    return replace(field, density=field.density.minimum(cone))


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
