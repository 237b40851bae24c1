"""What is known of a prior without opening it: what its network sees, and which settings suit it. No torch here."""

from dataclasses import dataclass
from typing import Literal

from dreamgaussian.core.default_camera import DEFAULT_FOVY_DEG, DEFAULT_RADIUS

Weighting = Literal["sigma_squared", "uniform", "reconstruction"]
"""w(t) of the score-distillation gradient: sigma^2, 1, or sigma / alpha, which makes it x - x0_hat."""
VIEW_NAMES = ("front view", "side view", "back view", "overhead view")
"""Conditions of a prior whose prompts name the view."""


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
    """What a prior's network sees."""

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
    conditions: tuple[str, ...] = ("conditional", "unconditional")
    """What `predict_noise` may be asked for."""
    x_bound: float | None = None
    """|x| of clean images never exceeds it, so predictions are clamped to it; None where x is a latent."""

    @property
    def channels(self) -> int:
        """3 for RGB, 4 for premultiplied RGBA."""
        return 4 if self.background is None else 3


@dataclass(frozen=True)
class SuggestedSettings:
    """Settings that suit a prior; they hold wherever a run's own settings are None."""

    guidance_scale: float = 1.0
    """Classifier-free guidance in distillation."""
    weighting: Weighting = "sigma_squared"
    """w(t) in distillation."""
    times: tuple[float, float] = (0.98, 0.02)
    """Noise levels at the first and the last step of a distillation."""
    opacity_loss_weight: float = 0.0
    """Weight of the loss on half transparent pixels."""
    refine_rounds: int = 10
    """Rounds of stage 2; 0 where the texture is no better for it."""
