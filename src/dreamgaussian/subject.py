"""What is to be made: pictures with their cameras, words, or both."""

from dataclasses import dataclass

from jaxtyping import Float
from torch import Tensor

from dreamgaussian.camera import Camera


@dataclass(frozen=True)
class Crop:
    """How an input picture was cut out: input pixel = offset_px + scale x square pixel."""

    scale: float
    offset_px: tuple[float, float]


@dataclass(frozen=True, eq=False)
class View:
    """One picture of the subject."""

    picture: Float[Tensor, "h w 4"]
    """Square sRGB picture with straight alpha, in [0, 1], the subject recentred."""
    camera: Camera
    """Of the picture's size."""
    crop: Crop


@dataclass(frozen=True, eq=False)
class Subject:
    """The input of a run."""

    views: tuple[View, ...] = ()
    """The first one defines azimuth 0. Empty where only words are given."""
    prompt: str = ""
    negative_prompt: str = ""
