"""A known object for the tests of the fit: a coloured, lobed surface of Gaussians, as targets of the analytic prior."""

import math

import torch

from dreamgaussian.core.camera import Camera
from dreamgaussian.core.gaussians import SH_C0, Gaussians
from dreamgaussian.core.image import on_white, psnr, unpremultiply
from dreamgaussian.guidance.analytic import AnalyticPrior
from dreamgaussian.guidance.spec import CameraDomain, PriorSpec
from dreamgaussian.inputs.subject import Crop, Subject, View
from dreamgaussian.raster import Rasterizer


def lobed_ball(count: int = 3000) -> Gaussians:
    """Opaque flat Gaussians on a bumpy ball, striped in three colours."""
    generator = torch.Generator().manual_seed(7)
    normals = torch.randn(count, 3, generator=generator)
    normals = normals / normals.norm(dim=-1, keepdim=True)
    radius = 0.5 * (1 + 0.15 * (5 * normals[:, :1]).sin() * (4 * normals[:, 1:2]).cos())
    colors = 0.5 + 0.4 * torch.stack([(6 * normals[:, 0]).sin(), (5 * normals[:, 1]).cos(), normals[:, 2]], dim=-1)
    spacing = math.sqrt(4 * math.pi * 0.25 / count)
    return Gaussians(
        means=normals * radius,
        log_scales=torch.full((count, 3), math.log(spacing)),
        quats_wxyz=torch.tensor([1.0, 0, 0, 0]).repeat(count, 1),
        opacity_logits=torch.full((count,), 3.0),
        sh=((colors - 0.5) / SH_C0)[:, None],
    )


def image(rasterizer: Rasterizer, gaussians: Gaussians, camera: Camera) -> torch.Tensor:
    """Premultiplied RGBA [4, h, w] of the object, as the prior sees it (averaged down from twice the size)."""
    with torch.no_grad():
        render = rasterizer.render(gaussians, camera.resized(2 * camera.width))
    return torch.nn.functional.avg_pool2d(render.rgba.permute(2, 0, 1), 2)


def psnr_at(camera: Camera, rasterizer: Rasterizer, gaussians: Gaussians, truth: Gaussians) -> float:
    """PSNR on white, in dB, of what the camera sees of the Gaussians."""
    return psnr(*(on_white(image(rasterizer, each, camera).permute(1, 2, 0)) for each in (gaussians, truth)))


def known_prior(
    rasterizer: Rasterizer, gaussians: Gaussians, resolution: int, views_deg: tuple[tuple[float, float], ...] = ()
) -> AnalyticPrior:
    """The analytic prior of the object, at all cameras or at some."""
    spec = PriorSpec(
        "analytic",
        resolution,
        background=None,
        domain=CameraDomain(fixed_views_deg=views_deg),
        x_bound=1.0,
    )
    return AnalyticPrior(spec, lambda camera: image(rasterizer, gaussians, camera), std=0.02)


def known_subject(rasterizer: Rasterizer, gaussians: Gaussians, size: int) -> Subject:
    """The object's front as the input image."""
    camera = Camera.orbit(0, 0, size)
    rgba = unpremultiply(image(rasterizer, gaussians, camera).permute(1, 2, 0))
    return Subject((View(rgba, camera, Crop(1.0, (0.0, 0.0))),))
