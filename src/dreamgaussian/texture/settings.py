"""The texture stage's settings."""

from dataclasses import dataclass


@dataclass(frozen=True)
class BakeSettings:
    """How views are projected back on the surface and blended."""

    view_size: int = 512
    """Side of the views that are rendered from the Gaussians, in pixels."""
    cosine_power: float = 4.0
    """A view's weight is the cosine of the viewing angle to this power."""
    feather: float = 0.012
    """A view's weight rises from 0 at silhouettes and depth edges to 1 over this share of the picture's height."""
    input_strength: float = 100.0
    """Weight of the input picture against that of a rendered view."""


@dataclass(frozen=True)
class RefineSettings:
    """Stage 2: the prior's multi-step denoising corrects the texture at the prior's own resolution."""

    steps: int = 20
    """Rounds of denoising (the paper: 50); 0 leaves the baked texture as it is."""
    views: int = 2
    """Samples of the prior in a round."""
    start_t: float = 0.3
    """Noise added to the views in the first round, as diffusion time."""
    end_t: float = 0.05
    """Noise added in the last round."""
    denoise_steps: int = 4
    """DDIM steps from the noisy view to the clean one."""
    inertia: float = 0.5
    """Weight of the baked texture against that of one denoised view which sees the surface squarely."""
    blur_px: float = 1.0
    """Standard deviation of the blur of the differences, in the prior's pixels: finer detail is left alone."""
