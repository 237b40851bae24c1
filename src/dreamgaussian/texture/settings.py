"""The texture stage's settings."""

from dataclasses import dataclass, field
from typing import Annotated

from tyro.conf import arg

from dreamgaussian.core.axes import Axes
from dreamgaussian.core.errors import ConfigError


@dataclass(frozen=True)
class BakeSettings:
    """How views are projected back on the surface and blended."""

    view_size: int = 512
    """Side of the views that are rendered from the Gaussians, in pixels."""
    cosine_power: float = 4.0
    """A view's weight is the cosine of the viewing angle to this power."""
    feather: float = 0.012
    """A view's weight rises from 0 at silhouettes and depth edges to 1 over this share of the image's height."""
    input_strength: float = 300.0
    """Weight of the input image against that of a rendered view."""
    input_feather: float = 0.006
    """As `feather`, for the input image, which fades out towards its outline alone."""

    def __post_init__(self) -> None:
        if not 16 <= self.view_size <= 4096:
            raise ConfigError(f"bake.view_size is {self.view_size}. Give a number of pixels from 16 to 4096.")
        if self.cosine_power < 0 or self.input_strength < 0:
            raise ConfigError("bake.cosine_power and bake.input_strength cannot be negative.")
        for name in ("feather", "input_feather"):
            if not 0 < getattr(self, name) < 0.5:
                raise ConfigError(f"bake.{name} is {getattr(self, name):g}. Give a share between 0 and 0.5.")


@dataclass(frozen=True)
class RefineSettings:
    """Stage 2: the prior's multi-step denoising corrects the texture at the prior's own resolution."""

    steps: int | None = None
    """Rounds of denoising (the paper: 50); 0 leaves the baked texture as it is; none given: what suits the prior: 10,
    but none for mini, whose views are coarser than that texture (docs/mesh.md)."""
    views: int = 2
    """Samples of the prior in a round."""
    start_t: float = 0.2
    """Noise added to the views in the first round, as diffusion time."""
    end_t: float = 0.05
    """Noise added in the last round."""
    denoise_steps: int = 4
    """DDIM steps from the noisy view to the clean one."""
    inertia: float = 2.0
    """Weight of the baked texture against that of one denoised view which sees the surface squarely."""
    blur_px: float = 1.0
    """Standard deviation of the blur of the differences, in the prior's pixels: finer detail is left alone."""

    def rounds(self, suited: int) -> int:
        """Rounds as set, or as suits the prior."""
        return suited if self.steps is None else self.steps

    def __post_init__(self) -> None:
        if not 0 < self.end_t <= self.start_t < 1:
            raise ConfigError(
                f"refine.end_t is {self.end_t:g} and start_t {self.start_t:g}. Give 0 < end_t <= start_t < 1."
            )
        if (self.steps or 0) < 0 or self.views < 1 or self.denoise_steps < 1:
            raise ConfigError("refine.steps cannot be negative; refine.views and refine.denoise_steps are at least 1.")
        if not self.inertia > 0 or self.blur_px < 0:
            raise ConfigError("refine.inertia must be above 0, and refine.blur_px cannot be negative.")


@dataclass(frozen=True)
class RetextureSettings:
    """A texture for a given mesh."""

    faces: int | None = None
    """Simplify the mesh to this many triangles first; its own texture coordinates are then made anew."""
    texture_size: int = 1024
    """Side of the square texture, in pixels."""
    axes: Annotated[Axes, arg(name="")] = field(default_factory=Axes)
    bake: BakeSettings = field(default_factory=BakeSettings)
    refine: RefineSettings = field(default_factory=RefineSettings)
