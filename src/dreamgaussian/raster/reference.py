"""The specification: every Gaussian at every pixel, in plain torch, in any dtype. Slow.

EWA splatting (Zwicker et al. 2001) as 3D Gaussian splatting has it (arXiv 2308.04079):

    p        centre in the camera's frame, x right, y down, z forwards
    J        Jacobian of the perspective projection at p
    Σ'       footprint J R Σ Rᵀ Jᵀ + 0.3 I, in px²
    α        min(alpha_max, opacity · exp(-½ dᵀ Σ'⁻¹ d)), at d pixels from the projected centre
    T        transmittance in front of a Gaussian, the product of (1 - α) of those nearer
    image  Σ T α c, over the Gaussians from near to far
"""

import math
from collections.abc import Callable
from typing import NamedTuple

import torch
from jaxtyping import Float, Int
from torch import Tensor
from torch.utils.checkpoint import checkpoint

from dreamgaussian.core.camera import Camera
from dreamgaussian.core.gaussians import Gaussians
from dreamgaussian.core.harmonics import view_colors
from dreamgaussian.raster import Cutoffs, Render
from dreamgaussian.raster.checks import require_finite, wants_gradient
from dreamgaussian.raster.conventions import ALPHA_FLOOR, BLUR_PX2, FRUSTUM_MARGIN, NEAR

BAND_ELEMENTS = 2**23
"""Gaussian x pixel pairs that are held at once; larger images are drawn in bands of pixels."""


class Footprints(NamedTuple):
    """Gaussians as the image sees them, in pixels."""

    centers: Float[Tensor, "n 2"]
    covariances: Float[Tensor, "n 2 2"]
    depths: Float[Tensor, " n"]


class ReferenceRasterizer:
    """The slow twin of every fast rasteriser. Implements `Rasterizer`."""

    name = "reference"

    def __init__(self, band_elements: int = BAND_ELEMENTS) -> None:
        self.band_elements = band_elements

    def render(
        self,
        gaussians: Gaussians,
        camera: Camera,
        *,
        extra: Float[Tensor, "n e"] | None = None,
        cutoffs: Cutoffs = Cutoffs(),
    ) -> Render:
        """See `Rasterizer`. Time and memory grow with Gaussians x pixels."""
        require_finite(gaussians, extra)
        order = visible_from_near_to_far(gaussians, camera)
        sorted_gaussians = gaussians[order]
        footprints = project(sorted_gaussians, camera)

        screen_means = gaussians.means.new_zeros(len(gaussians), 2).index_copy(0, order, footprints.centers.detach())
        screen_means.requires_grad_(wants_gradient(gaussians, extra))
        probe = (screen_means - screen_means.detach())[order]  # zero, but it brings the gradient to the leaf
        footprints = footprints._replace(centers=footprints.centers + probe)

        colors = view_colors(sorted_gaussians.sh, sorted_gaussians.means, camera.position)
        extras = gaussians.means.new_zeros(len(order), 0) if extra is None else extra[order]
        channels = torch.cat([colors, footprints.depths[:, None], extras], dim=1)

        def draw(pixels: Float[Tensor, "p 2"]) -> tuple[Float[Tensor, "p c"], Float[Tensor, " p"]]:
            offsets = pixels - footprints.centers[:, None]
            return composite(offsets, footprints.covariances, sorted_gaussians.opacities, channels, cutoffs)

        image, alpha = in_bands(
            draw, pixel_centers(camera).to(gaussians.means), self.band_elements // max(1, len(order))
        )
        radii = gaussians.means.new_zeros(len(gaussians)).index_copy(
            0, order, visible_radii(footprints, sorted_gaussians.opacities, camera, cutoffs)
        )
        image = image.reshape(camera.height, camera.width, -1)
        alpha = alpha.reshape(camera.height, camera.width)
        return Render(image[..., :3], alpha, image[..., 3], image[..., 4:], radii, screen_means)


def visible_from_near_to_far(gaussians: Gaussians, camera: Camera) -> Int[Tensor, " m"]:
    """Indices of the Gaussians in front of the near plane, by depth; equal depths keep their order."""
    depths = in_camera(gaussians.means.detach(), camera)[:, 2]
    order = torch.argsort(depths, stable=True)
    return order[depths[order] > NEAR]


def in_camera(points: Float[Tensor, "n 3"], camera: Camera) -> Float[Tensor, "n 3"]:
    """Points in OpenCV's camera frame: x right, y down, z forwards."""
    transform = camera.opencv_from_world.to(points)
    return points @ transform[:3, :3].T + transform[:3, 3]


def project(gaussians: Gaussians, camera: Camera) -> Footprints:
    """Linearise the perspective projection at every centre."""
    x, y, z = in_camera(gaussians.means, camera).unbind(-1)
    focal = camera.focal_px
    tan_x, tan_y = 0.5 * camera.width / focal, 0.5 * camera.height / focal
    slope_x = (x / z).clamp(-FRUSTUM_MARGIN * tan_x, FRUSTUM_MARGIN * tan_x)
    slope_y = (y / z).clamp(-FRUSTUM_MARGIN * tan_y, FRUSTUM_MARGIN * tan_y)
    zero = torch.zeros_like(z)
    jacobians = (focal / z)[:, None, None] * torch.stack(
        [torch.stack([zero + 1, zero, -slope_x], dim=-1), torch.stack([zero, zero + 1, -slope_y], dim=-1)], dim=1
    )
    rotation = camera.opencv_from_world[:3, :3].to(z)
    axes = gaussians.rotations * gaussians.scales[:, None, :]
    screen_axes = jacobians @ rotation @ axes
    covariances = screen_axes @ screen_axes.mT + BLUR_PX2 * torch.eye(2).to(z)
    centers = torch.stack([focal * x / z + camera.width / 2, focal * y / z + camera.height / 2], dim=-1)
    return Footprints(centers, covariances, z)


def pixel_centers(camera: Camera) -> Float[Tensor, "p 2"]:
    """Positions, x and y, of every pixel's centre, row by row."""
    y, x = torch.meshgrid(torch.arange(camera.height) + 0.5, torch.arange(camera.width) + 0.5, indexing="ij")
    return torch.stack([x.flatten(), y.flatten()], dim=-1)


def composite(
    offsets: Float[Tensor, "n p 2"],
    covariances: Float[Tensor, "n 2 2"],
    opacities: Float[Tensor, " n"],
    channels: Float[Tensor, "n c"],
    cutoffs: Cutoffs,
) -> tuple[Float[Tensor, "p c"], Float[Tensor, " p"]]:
    """Blend Gaussians, sorted from near to far, at pixels that are `offsets` away from their centres."""
    determinants = covariances[:, 0, 0] * covariances[:, 1, 1] - covariances[:, 0, 1] ** 2
    a, b, c = covariances[:, 1, 1], -covariances[:, 0, 1], covariances[:, 0, 0]  # the inverse, times the determinant
    dx, dy = offsets.unbind(-1)
    exponents = (a[:, None] * dx * dx + 2 * b[:, None] * dx * dy + c[:, None] * dy * dy) / (2 * determinants[:, None])
    alphas = (opacities[:, None] * torch.exp(-exponents)).clamp_max(cutoffs.alpha_max)
    alphas = torch.where(alphas >= cutoffs.alpha_min, alphas, 0)
    finished = (torch.cumprod(1 - alphas, dim=0) <= cutoffs.transmittance_min).cummax(dim=0).values
    alphas = torch.where(finished, 0, alphas)
    behind = torch.cumprod(torch.cat([alphas.new_ones(1, alphas.shape[1]), 1 - alphas]), dim=0)
    return (behind[:-1] * alphas).T @ channels, 1 - behind[-1]


def in_bands(
    draw: Callable[[Tensor], tuple[Tensor, Tensor]], pixels: Float[Tensor, "p 2"], size: int
) -> tuple[Float[Tensor, "p c"], Float[Tensor, " p"]]:
    """`draw(pixels)`, in bands of `size` pixels, whose intermediate results the backward pass computes anew."""
    bands = pixels.split(max(1, size))
    if len(bands) == 1:
        return draw(pixels)
    drawn = [checkpoint(draw, band, use_reentrant=False) for band in bands]
    return torch.cat([image for image, _ in drawn]), torch.cat([alpha for _, alpha in drawn])


def visible_radii(
    footprints: Footprints, opacities: Float[Tensor, " n"], camera: Camera, cutoffs: Cutoffs
) -> Float[Tensor, " n"]:
    """Half the longer side of the box in which a Gaussian reaches `alpha_min`, 0 where the image does not see it."""
    log_ratio = opacities.detach().log() - math.log(max(cutoffs.alpha_min, ALPHA_FLOOR))
    variances = footprints.covariances.detach().diagonal(dim1=1, dim2=2)
    half_sizes = (2 * log_ratio.clamp_min(0)[:, None] * variances).sqrt()
    centers = footprints.centers.detach()
    size = centers.new_tensor([camera.width, camera.height])
    seen = ((centers + half_sizes > 0) & (centers - half_sizes < size)).all(dim=1)
    return torch.where(seen, half_sizes.amax(dim=1), 0)
