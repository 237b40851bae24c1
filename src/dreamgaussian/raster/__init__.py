"""The first seam: Gaussians and a camera in, a differentiable image out.

`reference` is the specification (dense, plain torch, any dtype), `cpu` the C++ core, `cuda` gsplat. All three share
the conventions of gsplat's "classic" rasteriser: a 0.3 px² blur of every footprint, colours in the order of depth,
the cut-offs below.
"""

import logging
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import torch
from jaxtyping import Float
from torch import Tensor

from dreamgaussian.core.camera import Camera
from dreamgaussian.core.errors import BackendUnavailable, ConfigError
from dreamgaussian.core.gaussians import Gaussians

logger = logging.getLogger(__name__)

RASTERIZER_NAMES = ("reference", "cpu", "cuda")


@dataclass(frozen=True)
class Cutoffs:
    """Where compositing stops caring. The defaults are for production; gradient tests switch them off."""

    alpha_min: float = 1 / 255
    """A Gaussian's contribution to a pixel below this is skipped."""
    alpha_max: float = 0.999
    """A contribution is capped here; the capped opacity has no gradient."""
    transmittance_min: float = 1e-4
    """A pixel is finished before its transmittance would fall to this."""

    @classmethod
    def off(cls) -> "Cutoffs":
        """No cut-offs: the image is a smooth function of the Gaussians."""
        return cls(alpha_min=0.0, alpha_max=1.0, transmittance_min=0.0)


@dataclass(frozen=True, eq=False)
class Render:
    """An image of Gaussians, without background."""

    color: Float[Tensor, "h w 3"]
    """Premultiplied by alpha."""
    alpha: Float[Tensor, "h w"]
    """One minus the final transmittance."""
    depth: Float[Tensor, "h w"]
    """Sum of weight x depth along the viewing axis; see `expected_depth`."""
    extra: Float[Tensor, "h w e"]
    """The extra channels (normals, say), composited like colour."""
    radii: Float[Tensor, " n"]
    """Half-widths of the footprints in pixels, 0 where a Gaussian is not seen."""
    screen_means: Float[Tensor, "n 2"]
    """Projected centres in pixels. A leaf: after `backward`, `.grad` is the loss's gradient by them, in pixels."""

    @property
    def rgba(self) -> Float[Tensor, "h w 4"]:
        """Colour and alpha in one image, premultiplied."""
        return torch.cat([self.color, self.alpha[..., None]], dim=-1)

    @property
    def expected_depth(self) -> Float[Tensor, "h w"]:
        """Mean depth of what is seen, 0 where nothing is."""
        return self.depth / self.alpha.clamp_min(1e-8)


@runtime_checkable
class Rasterizer(Protocol):
    """A way to draw Gaussians."""

    name: str

    def render(
        self,
        gaussians: Gaussians,
        camera: Camera,
        *,
        extra: Float[Tensor, "n e"] | None = None,
        cutoffs: Cutoffs = Cutoffs(),
    ) -> Render:
        """Draw Gaussians.

        Args:
            gaussians: what is drawn; the image is differentiable in all of their tensors.
            camera: where from; it has no gradient.
            extra: further channels of each Gaussian, composited like colour, in any range; differentiable.
            cutoffs: where compositing stops.

        Returns:
            The image in the camera's size, without background.

        Raises:
            Diverged: a number is infinite or not a number.
            ConfigError: tensors or cut-offs that this rasteriser can't draw.
        """
        ...


def choose_rasterizer(name: str, device: torch.device) -> Rasterizer:
    """The rasteriser called `name`; `auto` takes the fastest that is there and says which.

    Raises ConfigError for an unknown name and BackendUnavailable for one that cannot run here.
    """
    if name != "auto":
        return _open(name)
    for candidate in ("cuda", "cpu") if device.type == "cuda" else ("cpu",):
        try:
            rasterizer = _open(candidate)
        except BackendUnavailable as problem:
            logger.warning("%s", problem)
        else:
            logger.info("Rasteriser: %s", rasterizer.name)
            return rasterizer
    logger.warning("Rasteriser: reference, which is hundreds of times slower than the others.")
    return _open("reference")


def _open(name: str) -> Rasterizer:
    match name:
        case "reference":
            from dreamgaussian.raster.reference import ReferenceRasterizer

            return ReferenceRasterizer()
        case "cpu":
            from dreamgaussian.raster.cpu import CpuRasterizer

            return CpuRasterizer()
        case "cuda":
            from dreamgaussian.raster.cuda import CudaRasterizer

            return CudaRasterizer()
        case _:
            raise ConfigError(f"No rasteriser is called {name!r}. There are: auto, {', '.join(RASTERIZER_NAMES)}.")
