"""Scenes, and everything that a rasteriser makes of them, for the tests of the rasterisers."""

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from dreamgaussian.core.camera import Camera
from dreamgaussian.core.gaussians import SH_C0, Gaussians
from dreamgaussian.raster import Cutoffs, Rasterizer

PRODUCTION = Cutoffs()


@dataclass(frozen=True)
class Scene:
    gaussians: Gaussians
    camera: Camera
    extra: Tensor | None = None
    cutoffs: Cutoffs = PRODUCTION


def cloud(count: int, seed: int = 0, *, degree: int = 0, opacity: float = 0.5) -> Gaussians:
    """Anisotropic Gaussians of many sizes and opacities in a ball that fills about half of the default frame."""
    generator = torch.Generator().manual_seed(seed)

    def normal(*shape: int) -> Tensor:
        return torch.randn(*shape, generator=generator)

    return Gaussians(
        means=0.35 * normal(count, 3),
        log_scales=math.log(0.8 * count ** (-1 / 3)) - 1.5 + 0.5 * normal(count, 3),
        quats_wxyz=1.7 * normal(count, 4),
        opacity_logits=math.log(opacity / (1 - opacity)) + 2 * normal(count),
        sh=0.5 * normal(count, (degree + 1) ** 2, 3),
    )


def dot(
    *,
    at: tuple[float, float, float] = (0.0, 0.0, 0.0),
    variance_px2: float = 1.0,
    opacity: float = 0.5,
    color: tuple[float, float, float] = (1.0, 0.5, 0.0),
) -> Gaussians:
    """One round Gaussian whose footprint has a given variance in the 5 x 5 images of `small_camera`."""
    distance = small_camera().radius - at[2]
    scale = math.sqrt(variance_px2 - 0.3) * distance / small_camera().focal_px
    return Gaussians(
        means=torch.tensor([at]),
        log_scales=torch.full((1, 3), math.log(scale)),
        quats_wxyz=torch.tensor([[1.0, 0.0, 0.0, 0.0]]),
        opacity_logits=torch.tensor([math.log(opacity / (1 - opacity))]),
        sh=((torch.tensor(color) - 0.5) / SH_C0)[None, None],
    )


def small_camera() -> Camera:
    """In front of the subject, 5 x 5 pixels: the origin is in the middle of pixel (2, 2)."""
    return Camera.orbit(0, 0, 5)


def with_gradients(gaussians: Gaussians) -> Gaussians:
    return gaussians.map(lambda tensor: tensor.detach().clone().requires_grad_())


def everything(rasterizer: Rasterizer, scene: Scene, dtype: torch.dtype = torch.float32) -> dict[str, Tensor]:
    """Every output, and every gradient of a loss that weighs all outputs at random (seeded)."""
    gaussians = with_gradients(scene.gaussians.to(dtype))
    extra = None if scene.extra is None else scene.extra.detach().to(dtype, copy=True).requires_grad_()
    render = rasterizer.render(gaussians, scene.camera, extra=extra, cutoffs=scene.cutoffs)
    images = {"color": render.color, "alpha": render.alpha, "depth": render.depth, "extra channels": render.extra}
    generator = torch.Generator().manual_seed(1)
    losses = [(each * torch.randn(each.shape, generator=generator).to(each)).sum() for each in images.values()]
    torch.stack(losses).sum().backward()
    gradients = {f"gradient of {name}": tensor.grad for name, tensor in gaussians.tensors().items()}
    if extra is not None:
        gradients["gradient of extra"] = extra.grad
    gradients["gradient of screen_means"] = render.screen_means.grad
    found = images | {"radii": render.radii, "screen_means": render.screen_means} | gradients
    assert all(tensor is not None for tensor in found.values())
    return {name: tensor.detach() for name, tensor in found.items()}
