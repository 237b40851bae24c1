"""The mesh stage's settings."""

from dataclasses import dataclass
from typing import Literal

from dreamgaussian.core.errors import ConfigError


@dataclass(frozen=True)
class MeshSettings:
    """From Gaussians to a clean mesh with an atlas."""

    method: Literal["density", "tsdf"] = "density"
    """Where the surface is: on a level of the Gaussians' density, as in the paper, or where depth maps fused say."""
    resolution: int = 128
    """Grid points along the longest side of the density field (the paper: 128)."""
    density: float | None = None
    """Level of the surface in the density field (the paper: 1); none given: where outlines match the Gaussians'."""
    opening: int = 6
    """Hollows whose openings are narrower than twice this many grid cells are sealed and filled."""
    min_component: float = 0.02
    """Separate pieces with a smaller share of the largest one's volume are floaters, and dropped."""
    smoothing_steps: int = 30
    """Passes of Taubin smoothing, which takes off the grid's steps and keeps the volume."""
    relief: float = 0.16
    """World units: relief narrower than this is flattened, along the rays of a single input image, which cannot vouch
    for it; 0 keeps it all (the paper). Several images, or none, leave it as it is."""
    faces: int = 20_000
    """Triangles left after decimation."""
    remesh: bool = False
    """Even quads, each cut into two triangles, instead of decimation: easier to edit. Needs the extra [remesh]."""
    texture_size: int = 1024
    """Side of the square texture, in pixels."""
    normal_map: bool = False
    """Keep the normals of the surface before decimation in a second texture."""

    def __post_init__(self) -> None:
        if not 16 <= self.resolution <= 512:
            raise ConfigError(f"mesh.resolution is {self.resolution}. Give a number of grid points from 16 to 512.")
        if self.density is not None and not self.density > 0:
            raise ConfigError(f"mesh.density is {self.density:g}. Give a level above 0, or leave it out.")
        if self.opening < 0 or self.smoothing_steps < 0:
            raise ConfigError("mesh.opening and mesh.smoothing_steps cannot be negative.")
        if not 0 <= self.relief <= 1:
            raise ConfigError(f"mesh.relief is {self.relief:g}. Give a width from 0 to 1 (the subject is 1.46 long).")
        if self.faces < 100:
            raise ConfigError(f"mesh.faces is {self.faces}. Give at least 100.")
        if not 64 <= self.texture_size <= 8192:
            raise ConfigError(f"mesh.texture_size is {self.texture_size}. Give a number of pixels from 64 to 8192.")
