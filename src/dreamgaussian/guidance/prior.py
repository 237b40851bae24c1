"""The second seam: a frozen diffusion model that has already seen the subject.

Notation, as in arXiv 2209.14988: x_t = alpha(t) x + sigma(t) eps with t in [0, 1] from clean to noise; a prior's
network, whatever it predicts, is asked for eps.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, Protocol, runtime_checkable

import torch
from jaxtyping import Float
from torch import Tensor

from dreamgaussian.core.camera import DEFAULT_FOVY_DEG, DEFAULT_RADIUS, Camera

Weighting = Literal["sigma_squared", "uniform", "reconstruction"]
"""w(t) of the score-distillation gradient: sigma^2, 1, or sigma / alpha, which makes it x - x0_hat."""


@dataclass(frozen=True)
class CameraDomain:
    """The cameras that a prior was trained on; the sampler of random views obeys it."""

    radius: float = DEFAULT_RADIUS
    fovy_deg: float = DEFAULT_FOVY_DEG
    elevation_range_deg: tuple[float, float] = (-30.0, 30.0)
    fixed_views_deg: tuple[tuple[float, float], ...] = ()
    """(azimuth, elevation) of the only views that the prior knows, where it does not know all."""
    subject_fill: float = 0.8
    """Share of the frame that the longer side of the subject's cut-out fills in the input image."""


@dataclass(frozen=True)
class PriorSpec:
    """What a prior sees."""

    name: str
    resolution: int
    """Side of the square images, in pixels."""
    background: float | None
    """Grey level behind the images; None: the prior sees premultiplied RGBA."""
    random_background: bool = False
    """The background may also be drawn at random (black or white), as the paper does."""
    views_per_sample: int = 1
    """Views that the network denoises together."""
    view_spacing_deg: float = 0.0
    """Azimuth between the views of one sample."""
    domain: CameraDomain = CameraDomain()
    guidance_scale: float = 1.0
    """Classifier-free guidance that suits the prior in distillation."""
    weighting: Weighting = "sigma_squared"
    """w(t) that suits the prior in distillation."""
    times: tuple[float, float] = (0.98, 0.02)
    """Noise levels at the first and the last step of a distillation that suit the prior."""
    opaque: float = 0.0
    """Weight of the loss on half transparent pixels that suits the prior."""
    refine_rounds: int = 10
    """Rounds of stage 2 that suit the prior; 0 where the texture is no better for it."""
    conditions: tuple[str, ...] = ("conditional", "unconditional")
    """What `predict_noise` may be asked for."""
    x_bound: float | None = None
    """|x| of clean images never exceeds it, so predictions are clamped to it; None where x is a latent."""

    @property
    def channels(self) -> int:
        """3 for RGB, 4 for premultiplied RGBA."""
        return 4 if self.background is None else 3


@runtime_checkable
class Prior(Protocol):
    """A frozen diffusion model, conditioned on the subject."""

    @property
    def spec(self) -> PriorSpec:
        """What it sees."""
        ...

    def alpha_sigma(self, t: Float[Tensor, " b"]) -> tuple[Float[Tensor, " b"], Float[Tensor, " b"]]:
        """Signal and noise levels at times t in [0, 1]; not assumed variance-preserving."""
        ...

    def encode(self, images: Float[Tensor, "b v c h w"]) -> Float[Tensor, "b v d i j"]:
        """Images in [0, 1], on any device, as the network's x on its own; differentiable."""
        ...

    def decode(self, x: Float[Tensor, "b v d i j"]) -> Float[Tensor, "b v c h w"]:
        """The network's x as images in [0, 1]."""
        ...

    def predict_noise(
        self,
        x_t: Float[Tensor, "b v d i j"],
        t: Float[Tensor, " b"],
        cameras: Sequence[Sequence[Camera]],
        conditions: Sequence[str],
    ) -> Float[Tensor, "k b v d i j"]:
        """Predicted noise under each of k conditions ("conditional", "unconditional", ...); no gradient.

        `cameras` holds b samples of v views, in the world whose azimuth 0 is the input view.
        """
        ...


@runtime_checkable
class ShapedPrior(Protocol):
    """A prior that has a guess of the subject's shape before any distillation."""

    def surface_points(
        self, count: int, generator: torch.Generator
    ) -> tuple[Float[Tensor, "n 3"], Float[Tensor, "n 3"]]:
        """At most `count` random points of the surface, in the world, and their colours in [0, 1]."""
        ...
