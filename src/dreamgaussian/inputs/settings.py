"""Settings of the input stage."""

import math
from dataclasses import dataclass
from typing import Annotated, Literal

from dreamgaussian.core.errors import ConfigError
from dreamgaussian.core.flags import one_word

SAME_DIRECTION_DEG = 1.0
"""Images whose directions are no further apart than this are of one direction, which may have one image only."""


@dataclass(frozen=True)
class PosedImage:
    """A further image of the subject, and where it was taken from."""

    file: str
    """Path of a PNG, JPEG or WebP file."""
    azimuth_deg: float
    """0 is the front; 90 shows the subject's left side (its own left hand), 180 its back, 270 its right side."""
    elevation_deg: float | None = None
    """Positive: from above; that of the front image where nothing is said."""

    def __post_init__(self) -> None:
        if not -360 <= self.azimuth_deg <= 360:
            raise ConfigError(f"The azimuth of {self.file} is {self.azimuth_deg:g}. Give degrees from -360 to 360.")
        if self.elevation_deg is not None and not -90 <= self.elevation_deg <= 90:
            raise ConfigError(f"The elevation of {self.file} is {self.elevation_deg:g}. Give degrees from -90 to 90.")

    @classmethod
    def parse(cls, words: str) -> "PosedImage":
        """The inverse of `str`: FILE@AZIMUTH or FILE@AZIMUTH,ELEVATION. Raises ConfigError for anything else."""
        file, _, angles = words.rpartition("@")
        try:
            azimuth, *elevation = [float(angle) for angle in angles.split(",")]
            if not file or len(elevation) > 1:
                raise ValueError
        except ValueError:
            raise ConfigError(
                f"{words!r} is not an image with its direction. Write FILE@AZIMUTH,ELEVATION, such as back.png@180,0."
            ) from None
        return cls(file, azimuth, *elevation)

    def __str__(self) -> str:
        angles = [self.azimuth_deg] if self.elevation_deg is None else [self.azimuth_deg, self.elevation_deg]
        return f"{self.file}@{','.join(f'{angle:g}' for angle in angles)}"


PosedImageFlag = Annotated[PosedImage, one_word(PosedImage, PosedImage.parse, "FILE@AZIMUTH,ELEVATION")]
"""As the command line reads it."""


@dataclass(frozen=True)
class SubjectSettings:
    """How the input image becomes the subject."""

    background: Literal["auto", "keep", "remove"] = "auto"
    """What is done with the image's background. `remove`: it is removed. `keep`: the image's own transparency is kept.
    `auto`: it is removed where the image is opaque."""
    elevation_deg: float = 0.0
    """Elevation from which the image was taken, in degrees; positive is from above."""
    estimate_elevation: bool = False
    """Ask the prior for the elevation of the front image instead; only stable-zero123 can tell."""
    image_size: int = 512
    """Side, in pixels, of the square image that the run works from."""
    views: tuple[PosedImageFlag, ...] = ()
    """Further images of the subject, each with its direction; the elevation may be left out."""
    framing: Literal["each", "shared"] = "each"
    """How further images are cropped. `each`: by itself, centred and scaled to agree with the front. `shared`: as the
    front is, for renders and turntables of one camera at one distance: far more exact."""

    def __post_init__(self) -> None:
        if not -90 <= self.elevation_deg <= 90:
            raise ConfigError(f"elevation_deg is {self.elevation_deg:g}. Give an angle from -90 to 90 degrees.")
        if not 64 <= self.image_size <= 2048:
            raise ConfigError(f"image_size is {self.image_size}. Give a number of pixels from 64 to 2048.")
        directions = {"The front image": (0.0, self.elevation_deg)}
        for view in self.views:
            direction = view.azimuth_deg, self.elevation_of(view)
            for other, known in directions.items():
                if _angle_deg(direction, known) <= SAME_DIRECTION_DEG:
                    raise ConfigError(
                        f"{other} and {view.file} are both said to be taken from azimuth {direction[0]:g}, elevation "
                        f"{direction[1]:g}. Give each image a direction of its own."
                    )
            directions[view.file] = direction

    def elevation_of(self, view: PosedImage) -> float:
        """The elevation of a further image, in degrees."""
        return self.elevation_deg if view.elevation_deg is None else view.elevation_deg


def _angle_deg(a: tuple[float, float], b: tuple[float, float]) -> float:
    """Between two directions given by azimuth and elevation."""
    azimuth, (low, high) = math.radians(a[0] - b[0]), (math.radians(angles[1]) for angles in (a, b))
    cosine = math.sin(low) * math.sin(high) + math.cos(low) * math.cos(high) * math.cos(azimuth)
    return math.degrees(math.acos(max(-1.0, min(1.0, cosine))))
