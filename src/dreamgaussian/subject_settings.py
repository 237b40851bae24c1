"""Settings of the input stage."""

from dataclasses import dataclass
from typing import Literal

from dreamgaussian.errors import ConfigError


@dataclass(frozen=True)
class SubjectSettings:
    """How the input picture becomes the subject."""

    background: Literal["auto", "keep", "remove"] = "auto"
    """What to do with the picture's background: remove it, keep the picture's own transparency, or (auto) remove it
    only where the picture is opaque."""
    elevation_deg: float = 0.0
    """Elevation from which the picture was taken, in degrees; positive: from above."""
    picture_size: int = 512
    """Side, in pixels, of the square picture that the run works from."""

    def __post_init__(self) -> None:
        if not -90 <= self.elevation_deg <= 90:
            raise ConfigError(f"elevation_deg is {self.elevation_deg:g}. Give an angle from -90 to 90 degrees.")
        if not 64 <= self.picture_size <= 2048:
            raise ConfigError(f"picture_size is {self.picture_size}. Give a number of pixels from 64 to 2048.")
