"""The texture stage's settings."""

from dataclasses import dataclass


@dataclass(frozen=True)
class BakeSettings:
    """How views are projected back on the surface and blended."""

    view_size: int = 512
    """Side of the views that are rendered from the Gaussians, in pixels."""
    cosine_power: float = 4.0
    """A view's weight is the cosine of the viewing angle to this power."""
    feather_px: float = 6.0
    """A view's weight rises from 0 to 1 over this distance from silhouettes and depth edges, at 512 pixels."""
    input_strength: float = 50.0
    """Weight of the input picture against that of a rendered view."""
