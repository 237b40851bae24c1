"""Settings of stage 1. The defaults are ours; `paper` and `code` in config.py hold the published ones."""

import math
from dataclasses import dataclass, field
from typing import Annotated, Literal

from tyro.conf import arg

from dreamgaussian.core.errors import ConfigError
from dreamgaussian.fitting.densify import DENSIFIERS
from dreamgaussian.fitting.densify.settings import DensitySettings, McmcSettings


@dataclass(frozen=True)
class LearningRates:
    """Adam's step lengths."""

    means_start: float = 0.01
    """Step length of the centres at the first step, world units."""
    means_end: float = 2e-4
    """Step length of the centres at the last step, world units; it falls exponentially."""
    color: float = 0.01
    """Step length of the spherical-harmonic coefficients of the colour."""
    opacity: float = 0.05
    """Step length of the opacity logits."""
    scale: float = 0.005
    """Step length of the logarithms of the scales."""
    rotation: float = 0.005
    """Step length of the quaternions."""
    final_share: float = 0.1
    """Share of all step lengths but the centres' that is left at the last step; they fall exponentially. The paper
    has 1."""


Method = Literal["sds", "csd", "nfsd", "sdi", "ism", "sir"]
TIMES = {"sdi": (0.98, 0.25), "sir": (0.9, 0.2)}
"""Noise levels at the first and the last step where a method's authors chose others than the paper's."""


@dataclass(frozen=True)
class TargetSettings:
    """How often, and how, the prior samples target images for the method `sir`."""

    every: int = 25
    """Steps for which the same target images are fitted."""
    views: int = 6
    """Number of samples of the prior, spread evenly round the subject."""
    stride: float = 0.3
    """Longest step in noise level when the prior samples; shorter steps cost more evaluations."""

    def __post_init__(self) -> None:
        for name in ("every", "views"):
            if getattr(self, name) < 1:
                raise ConfigError(
                    f"fit.distill.targets.{name} is {getattr(self, name)}. Give a whole number of at least 1."
                )
        if not 0.01 <= self.stride <= 1:
            raise ConfigError(f"fit.distill.targets.stride is {self.stride:g}. Give a number from 0.01 to 1.")


@dataclass(frozen=True)
class DistillSettings:
    """How the diffusion prior guides the Gaussians."""

    method: Method = "sds"
    """How the prior guides: `sds`, by score distillation; `csd`, by its classifier-free guidance alone; `nfsd`, without
    the noise of the prediction; `sdi`, with noise found by inverting DDIM; `ism`, between two noise levels of an
    inversion; `sir`, by target images that are sampled now and then and fitted in pixels."""
    perp_neg: bool = False
    """WeightedPrior away from the words of wrong views; for priors whose prompts name the view."""
    guidance_scale: float | None = None
    """Scale of the classifier-free guidance. None: what suits the prior and the method."""
    weighting: Literal["sigma_squared", "uniform", "reconstruction"] | None = None
    """Weighting w(t) of the score-distillation gradient: `sigma_squared`, the paper's; `uniform`, 1; `reconstruction`,
    sigma / alpha, which makes it a difference of clean images. None: what suits the prior."""
    weight: float = 1.0
    """Weight of the distillation loss."""
    t_max: float | None = None
    """Noise level at the first step. None: what suits the method and the prior, 0.98 for most."""
    t_min: float | None = None
    """Noise level at the last step. None: what suits the method and the prior, 0.02 for most."""
    opacity_loss_weight: float | None = None
    """Weight, growing with the steps, of the loss on half transparent pixels. None: what suits the prior. The paper has
    no such loss."""
    anneal: bool = True
    """Lower the noise level linearly with the steps; otherwise it is drawn at random between the two."""
    samples: int = 1
    """Number of independent samples of the prior in a step."""
    elevation_range_deg: tuple[float, float] = (-30.0, 30.0)
    """Lowest and highest elevation of the random views relative to the input's, within what the prior knows."""
    render_scales: tuple[float, ...] = (1.0, 1.0, 2.0)
    """Sizes of the rendered views as multiples of the prior's resolution, one after the other for equal shares of the
    steps."""
    targets: TargetSettings = TargetSettings()

    def times(self, suited: tuple[float, float] = (0.98, 0.02)) -> tuple[float, float]:
        """Noise levels at the first and the last step: as set, or as the method wants, or as suits the prior."""
        t_max, t_min = TIMES.get(self.method, suited)
        t_max, t_min = (t_max if self.t_max is None else self.t_max), (t_min if self.t_min is None else self.t_min)
        if not 0 < t_min <= t_max < 1:
            raise ConfigError(f"fit.distill.t_min is {t_min:g} and t_max {t_max:g}. Give 0 < t_min <= t_max < 1.")
        return t_max, t_min

    def __post_init__(self) -> None:
        self.times()
        if self.samples < 1:
            raise ConfigError(f"fit.distill.samples is {self.samples}. Give a whole number of at least 1.")
        if not self.render_scales or min(self.render_scales) <= 0:
            raise ConfigError(f"fit.distill.render_scales is {self.render_scales}. Give factors above 0.")


@dataclass(frozen=True)
class ReferenceSettings:
    """How the input image guides the Gaussians."""

    color_weight: float = 10_000.0
    """Weight of the mean squared error of the premultiplied colours."""
    alpha_weight: float = 1_000.0
    """Weight of the mean squared error of alpha."""
    warm_up: bool = True
    """Let both weights grow linearly from 0 over the run, as the paper does."""
    size: int = 256
    """Pixels of the compared images."""

    def __post_init__(self) -> None:
        if not 16 <= self.size <= 2048:
            raise ConfigError(f"fit.reference.size is {self.size}. Give a number of pixels from 16 to 2048.")


@dataclass(frozen=True)
class SurfaceSettings:
    """Losses that lay the Gaussians flat on one surface, as 2DGS does; the paper has none."""

    flatness: float = 0.0
    """Weight of the mean ratio of a Gaussian's shortest axis to its middle one."""
    normals: float = 300.0
    """Weight of how far the shortest axes lean from the normals of the rendered depth."""
    start: float = 0.5
    """Share of the steps after which these weights grow from 0, linearly to the last step."""

    def ramp(self, progress: float) -> float:
        """The share of the weights that counts at a progress in [0, 1]; 0 where there is no weight."""
        wanted = self.flatness or self.normals
        return max(0.0, progress - self.start) / (1 - self.start) if wanted else 0.0

    def __post_init__(self) -> None:
        for name in ("flatness", "normals"):
            if not 0 <= getattr(self, name) < math.inf:
                raise ConfigError(f"fit.surface.{name} is {getattr(self, name):g}. Give a weight of at least 0.")
        if not 0 <= self.start < 1:
            raise ConfigError(f"fit.surface.start is {self.start:g}. Give a share of at least 0 and below 1.")


@dataclass(frozen=True)
class FitSettings:
    """Stage 1: Gaussians from the prior and the images."""

    steps: int = 500
    """Number of optimisation steps."""
    start: Literal["prior", "ball"] = "prior"
    """Where the Gaussians start: `prior`, on the surface that the prior guesses, or in a ball if it has no guess;
    `ball`, in a ball, as in the paper."""
    initial_count: int = 5_000
    """Number of Gaussians at the start."""
    initial_radius: float = 0.5
    """Radius of the ball, world units."""
    learning_rates: LearningRates = LearningRates()
    distill: DistillSettings = DistillSettings()
    reference: ReferenceSettings = ReferenceSettings()
    densify: Annotated[str, arg(metavar=f"{{{','.join(DENSIFIERS)}}}")] = "default"
    """Density control, that is how Gaussians are added, moved and removed: `default`, by the gradients of the projected
    centres as in 3DGS; or `mcmc`, by noise and relocation (arXiv 2404.09591)."""
    density: DensitySettings = field(default_factory=DensitySettings)
    mcmc: McmcSettings = field(default_factory=McmcSettings)
    surface: SurfaceSettings = SurfaceSettings()

    def __post_init__(self) -> None:
        for name, least in (("steps", 1), ("initial_count", 1)):
            if getattr(self, name) < least:
                raise ConfigError(f"fit.{name} is {getattr(self, name)}. Give a whole number of at least {least}.")
        if self.densify not in DENSIFIERS:
            raise ConfigError(f"No densifier is called {self.densify!r}. There are: {', '.join(DENSIFIERS)}.")
        if self.initial_radius <= 0:
            raise ConfigError(f"fit.initial_radius is {self.initial_radius:g}. Give a length above 0.")
