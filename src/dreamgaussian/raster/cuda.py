"""gsplat (Apache-2.0) on a CUDA device, behind the common interface."""

from collections.abc import Callable
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor

from dreamgaussian.core.camera import Camera
from dreamgaussian.core.errors import BackendUnavailable, ConfigError
from dreamgaussian.core.gaussians import Gaussians
from dreamgaussian.core.harmonics import view_colors
from dreamgaussian.raster import Cutoffs, Render
from dreamgaussian.raster.checks import require_finite, wants_gradient
from dreamgaussian.raster.conventions import BLUR_PX2, NEAR
from dreamgaussian.raster.reference import ReferenceRasterizer

Rasterization = Callable[..., tuple[Tensor, Tensor, dict[str, Any]]]
"""The signature of `gsplat.rasterization`, version 1.5."""


class CudaRasterizer:
    """Draws on a CUDA device. Implements `Rasterizer`."""

    name = "cuda"

    def __init__(self) -> None:
        if not torch.cuda.is_available():
            raise BackendUnavailable(
                "The cuda rasteriser needs a CUDA device, and torch sees none. Choose --rasterizer cpu, or install a "
                "build of torch for your driver (nvidia-smi shows its version)."
            )
        try:
            from gsplat import rasterization  # pyright: ignore[reportMissingImports, reportMissingTypeStubs]
        except ImportError as problem:
            raise BackendUnavailable(
                f"The cuda rasteriser needs gsplat ({problem}). Run: pip install 'dreamgaussian[cuda]'"
            ) from problem
        self.rasterization: Rasterization = rasterization

    def render(
        self,
        gaussians: Gaussians,
        camera: Camera,
        *,
        extra: Float[Tensor, "n e"] | None = None,
        cutoffs: Cutoffs = Cutoffs(),
    ) -> Render:
        """See `Rasterizer`. Raises ConfigError for tensors elsewhere and for other cut-offs than the default ones."""
        for name, tensor in gaussians.tensors().items():
            if tensor.dtype != torch.float32 or tensor.device.type != "cuda":
                raise ConfigError(
                    f"The cuda rasteriser draws float32 tensors on a CUDA device; {name} is {tensor.dtype} on "
                    f'{tensor.device}. Move them with gaussians.to("cuda", torch.float32).'
                )
        return draw_with(self.rasterization, gaussians, camera, extra=extra, cutoffs=cutoffs)


def draw_with(
    rasterization: Rasterization,
    gaussians: Gaussians,
    camera: Camera,
    *,
    extra: Float[Tensor, "n e"] | None,
    cutoffs: Cutoffs,
) -> Render:
    """An image by `gsplat.rasterization`, or by a function of the same signature."""
    if cutoffs != Cutoffs():
        raise ConfigError(f"gsplat's cut-offs are compiled in; {cutoffs} needs --rasterizer reference or cpu.")
    require_finite(gaussians, extra)
    if len(gaussians) == 0:
        return ReferenceRasterizer().render(gaussians, camera, extra=extra)
    colors = view_colors(gaussians.sh, gaussians.means, camera.position)
    images, alphas, meta = rasterization(
        means=gaussians.means,
        quats=gaussians.quats_wxyz,
        scales=gaussians.scales,
        opacities=gaussians.opacities,
        colors=colors if extra is None else torch.cat([colors, extra], dim=1),
        viewmats=camera.opencv_from_world.to(gaussians.means)[None],
        Ks=intrinsics(camera).to(gaussians.means)[None],
        width=camera.width,
        height=camera.height,
        near_plane=NEAR,
        eps2d=BLUR_PX2,
        render_mode="RGB+D",  # the depth, not divided by alpha, comes last
        rasterize_mode="classic",
        packed=False,
    )
    screen_means = meta["means2d"][0].detach().clone()
    if wants_gradient(gaussians, extra):
        bring_gradient(meta["means2d"], screen_means.requires_grad_())
    radii = meta["radii"][0]  # whole pixels along x and y, both 0 where a Gaussian is not seen
    return Render(
        color=images[0, ..., :3],
        alpha=alphas[0, ..., 0],
        depth=images[0, ..., -1],
        extra=images[0, ..., 3:-1],
        radii=radii.amax(dim=-1).to(screen_means),
        screen_means=screen_means,
    )


def intrinsics(camera: Camera) -> Float[Tensor, "3 3"]:
    """Pixels from OpenCV's camera frame."""
    focal = camera.focal_px
    return torch.tensor([[focal, 0, camera.width / 2], [0, focal, camera.height / 2], [0, 0, 1]], dtype=torch.float64)


def bring_gradient(means2d: Float[Tensor, "1 n 2"], screen_means: Float[Tensor, "n 2"]) -> None:
    """Let the leaf `screen_means` have the gradients of gsplat's `means2d`, in pixels as they are."""

    def receive(gradient: Float[Tensor, "1 n 2"]) -> None:
        before = screen_means.grad
        screen_means.grad = gradient[0].clone() if before is None else before + gradient[0]

    means2d.register_hook(receive)
