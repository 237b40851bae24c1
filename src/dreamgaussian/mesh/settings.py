"""The mesh stage's settings."""

from dataclasses import dataclass


@dataclass(frozen=True)
class MeshSettings:
    """From Gaussians to a clean mesh with an atlas."""

    resolution: int = 128
    """Grid points along the longest side of the density field (the paper: 128)."""
    density: float = 1.0
    """Level of the surface in the density field (the paper: 1). Lowered where the Gaussians are too faint for it."""
    opening: int = 3
    """Hollows whose openings are narrower than twice this many grid cells are sealed and filled."""
    min_component: float = 0.02
    """Separate pieces with a smaller share of the largest one's volume are floaters, and dropped."""
    smoothing_steps: int = 10
    """Passes of Taubin smoothing, which takes off the grid's steps and keeps the volume."""
    faces: int = 20_000
    """Triangles left after decimation."""
    texture_size: int = 1024
    """Side of the square texture, in pixels."""
