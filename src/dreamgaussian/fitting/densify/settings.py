"""Settings of the densifiers."""

from dataclasses import dataclass

from dreamgaussian.core.errors import ConfigError


@dataclass(frozen=True)
class DensitySettings:
    """Density control of 3DGS: grow where the image changes with the position, remove what is faint or huge."""

    enabled: bool = True
    """Add and remove Gaussians; otherwise the fit keeps those of its start."""
    start: float = 0.1
    """First densification, as a share of the steps."""
    end: float = 0.8
    """Last densification, as a share of the steps."""
    every: int = 50
    """Steps between densifications."""
    gradient_threshold: float | None = None
    """Grow the Gaussians whose mean gradient of the projected centre (in half frames) exceeds this; the threshold
    depends on the loss's scale. None: `grow_share` decides."""
    grow_share: float = 0.2
    """Share of the Gaussians that grow at each densification: those with the largest gradients."""
    clone_below: float = 0.05
    """Size (world units) up to which a growing Gaussian is cloned; a larger one is split in two."""
    max_scale: float = 0.1
    """Size (world units) above which a Gaussian is removed."""
    min_opacity: float = 0.01
    """Opacity below which a Gaussian is removed."""
    silhouette_margin: float | None = 0.03
    """Remove a Gaussian that an input image shows further outside the subject's silhouette than this share of the
    image's height. None: the loss alone decides, as in the paper."""
    max_count: int = 60_000
    """Number of Gaussians beyond which none is added."""
    opacity_reset_every: int = 0
    """Steps between resets of the opacities to `min_opacity`; 0 for never."""

    def __post_init__(self) -> None:
        if self.every < 1:
            raise ConfigError(f"fit.density.every is {self.every}. Give a whole number of steps of at least 1.")
        if not 0 <= self.grow_share <= 1:
            raise ConfigError(f"fit.density.grow_share is {self.grow_share:g}. Give a share from 0 to 1.")
        check_opacity("fit.density.min_opacity", self.min_opacity)
        check_margin("fit.density.silhouette_margin", self.silhouette_margin)


@dataclass(frozen=True)
class McmcSettings:
    """Density control of 3DGS-MCMC (arXiv 2404.09591): noise explores, dead Gaussians move to live ones."""

    start: float = 0.1
    """First relocation, as a share of the steps."""
    end: float = 0.8
    """Last relocation, as a share of the steps."""
    every: int = 10
    """Steps between relocations."""
    growth: float = 0.05
    """Share by which the number of Gaussians grows at each relocation."""
    max_count: int = 20_000
    """Number of Gaussians at which growth ends."""
    min_opacity: float = 0.005
    """Opacity up to which a Gaussian is dead: the next relocation moves it."""
    silhouette_margin: float | None = 0.03
    """A Gaussian is also dead where an input image shows it further outside the subject's silhouette than this share
    of the image's height. None: its opacity alone decides, as in the paper."""
    noise: float = 1_000.0
    """Strength of the noise on the centres, as a multiple of their learning rate."""
    opacity_weight: float = 0.01
    """Weight of the mean opacity in the loss."""
    scale_weight: float = 0.01
    """Weight of the mean standard deviation (world units) in the loss."""

    def __post_init__(self) -> None:
        if self.every < 1:
            raise ConfigError(f"fit.mcmc.every is {self.every}. Give a whole number of steps of at least 1.")
        for name in ("growth", "noise", "opacity_weight", "scale_weight"):
            if not getattr(self, name) >= 0:
                raise ConfigError(f"fit.mcmc.{name} is {getattr(self, name):g}. Give a number of at least 0.")
        check_opacity("fit.mcmc.min_opacity", self.min_opacity)
        check_margin("fit.mcmc.silhouette_margin", self.silhouette_margin)


def check_opacity(name: str, value: float) -> None:
    """Raise ConfigError for what is no opacity of a Gaussian that can be seen through."""
    if not 0 < value < 1:
        raise ConfigError(f"{name} is {value:g}. Give an opacity between 0 and 1.")


def check_margin(name: str, value: float | None) -> None:
    """Raise ConfigError for a margin of half the image and more."""
    if value is not None and not 0 <= value < 0.5:
        raise ConfigError(f"{name} is {value:g}. Give a share from 0 to 0.5, or None.")
