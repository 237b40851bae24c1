"""The mesh stage's settings."""

from dataclasses import dataclass
from typing import Literal

from dreamgaussian.core.errors import ConfigError


@dataclass(frozen=True)
class MeshSettings:
    """From Gaussians to a clean mesh with an atlas."""

    method: Literal["density", "tsdf"] = "density"
    """How the surface is found. `density`: a level of the Gaussians' density, as in the paper. `tsdf`: the zero
    level of a truncated signed distance, fused from depth maps of the Gaussians."""
    resolution: int = 128
    """Grid points along the longest side of the density field (the paper: 128)."""
    density: float | None = None
    """Level of the surface in the density field (the paper: 1); none given: the level at which the surface's outlines
    match those of the Gaussians best."""
    opening: int = 6
    """Cavities whose openings are narrower than twice this many grid cells are filled."""
    min_component: float = 0.02
    """Separate pieces of less than this share of the largest piece's volume are dropped as floaters."""
    smoothing_steps: int = 30
    """Passes of Taubin smoothing, which removes the grid's steps and keeps the volume."""
    displacement_width: float = 0.16
    """Bumps and grooves narrower than this, in world units, are flattened along the rays of a single input image, which
    cannot confirm them; 0 keeps all (the paper). Several images, or none, leave them as they are."""
    faces: int = 20_000
    """Number of triangles after decimation."""
    remesh: bool = False
    """Remesh to even quads, each cut into two triangles, instead of decimating: easier to edit. Needs the extra
    [remesh]."""
    texture_size: int = 1024
    """Side of the square texture, in pixels."""
    normal_map: bool = False
    """Store the normals of the surface before decimation in a normal map."""

    def __post_init__(self) -> None:
        if not 16 <= self.resolution <= 512:
            raise ConfigError(f"mesh.resolution is {self.resolution}. Give a number of grid points from 16 to 512.")
        if self.density is not None and not self.density > 0:
            raise ConfigError(f"mesh.density is {self.density:g}. Give a level above 0, or leave it out.")
        if self.opening < 0 or self.smoothing_steps < 0:
            raise ConfigError("mesh.opening and mesh.smoothing_steps cannot be negative.")
        if not 0 <= self.displacement_width <= 1:
            raise ConfigError(
                f"mesh.displacement_width is {self.displacement_width:g}. Give a width from 0 to 1; the subject "
                "is 1.46 long."
            )
        if self.faces < 100:
            raise ConfigError(f"mesh.faces is {self.faces}. Give at least 100.")
        if not 64 <= self.texture_size <= 8192:
            raise ConfigError(f"mesh.texture_size is {self.texture_size}. Give a number of pixels from 64 to 8192.")
