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
    """Centres, at the first step; world units."""
    means_end: float = 2e-4
    """Centres, at the last step; the fall is exponential."""
    color: float = 0.01
    """Spherical-harmonic coefficients."""
    opacity: float = 0.05
    """Opacity logits."""
    scale: float = 0.005
    """Logarithms of the scales."""
    rotation: float = 0.005
    """Quaternions."""
    final_share: float = 0.1
    """What is left of all rates but the centres' at the last step; the fall is exponential. The paper's is 1."""


Method = Literal["sds", "csd", "nfsd", "sdi", "ism", "sir"]
TIMES = {"sdi": (0.98, 0.25), "sir": (0.9, 0.2)}
"""Noise levels at the first and the last step where a method's authors chose others than the paper's."""


@dataclass(frozen=True)
class TargetSettings:
    """Of the method `sir`: how often the prior shows views as they should be, and how."""

    every: int = 25
    """Steps in which the same images are fitted."""
    views: int = 6
    """Samples of the prior each time."""
    stride: float = 0.3
    """Longest step in noise level with which it samples; shorter ones cost more evaluations."""

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
    """How the prior speaks to the Gaussians."""

    method: Method = "sds"
    """Score distillation, or a variant: csd, nfsd, sdi, ism; sir: views are sampled now and then and fitted."""
    perp_neg: bool = False
    """WeightedPrior away from the words of wrong views; for priors whose prompts name the view."""
    guidance_scale: float | None = None
    """Classifier-free guidance; none given: what suits the prior and the method."""
    weighting: Literal["sigma_squared", "uniform", "reconstruction"] | None = None
    """w(t) of the score-distillation gradient; none given: what suits the prior. The paper's is sigma_squared."""
    weight: float = 1.0
    """Of the distillation loss."""
    t_max: float | None = None
    """Noise level at the first step; none given: what suits the method and the prior, 0.98 for most."""
    t_min: float | None = None
    """Noise level at the last step; none given: what suits the method and the prior, 0.02 for most."""
    opacity_loss_weight: float | None = None
    """Weight of a loss, growing with the steps, on pixels that are half transparent; none given: what suits the prior.
    The paper has none."""
    anneal: bool = True
    """Lower the noise level linearly with the steps; otherwise draw it at random."""
    samples: int = 1
    """Independent samples of the prior a step."""
    elevation_range_deg: tuple[float, float] = (-30.0, 30.0)
    """Elevations of the random views, relative to the input's, within what the prior knows."""
    render_scales: tuple[float, ...] = (1.0, 1.0, 2.0)
    """Size of the rendered views as a multiple of the prior's resolution; each for an equal share of the steps."""
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
    """How the input image speaks to the Gaussians."""

    color_weight: float = 10_000.0
    """Of the mean squared error of the premultiplied colours."""
    alpha_weight: float = 1_000.0
    """Of the mean squared error of alpha."""
    warm_up: bool = True
    """Let both weights grow linearly from 0 over the run, as the paper does."""
    size: int = 256
    """Pixels of the compared images."""

    def __post_init__(self) -> None:
        if not 16 <= self.size <= 2048:
            raise ConfigError(f"fit.reference.size is {self.size}. Give a number of pixels from 16 to 2048.")


@dataclass(frozen=True)
class SurfaceSettings:
    """Losses that lay the Gaussians flat on one surface, as in 2DGS; the paper has none."""

    flatness: float = 0.0
    """Of the mean ratio of a Gaussian's shortest axis to its middle one."""
    normals: float = 300.0
    """Of how far the shortest axes lean from the normals of the rendered depth."""
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
    """Optimisation steps."""
    start: Literal["prior", "ball"] = "prior"
    """Where the Gaussians start: on the surface that the prior guesses, where it has a guess (mini has); or in a ball,
    as the paper has it."""
    initial_count: int = 5_000
    """Gaussians at the start."""
    initial_radius: float = 0.5
    """Of the ball, world units."""
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
