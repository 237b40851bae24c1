"""Images: bytes and floats, sRGB and linear light, straight and premultiplied alpha, and how far apart two are.

An image is [..., h, w, channels], in sRGB, in [0, 1], alpha last. All functions take numpy's arrays and torch's tensors
alike, and torch is not imported: the command line checks its input without it.
"""

from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np
from jaxtyping import Float, Float32, UInt8
from numpy.typing import NDArray

if TYPE_CHECKING:
    from torch import Tensor

    Array = TypeVar("Array", NDArray[Any], Tensor)
else:
    Array = TypeVar("Array")

MIN_ALPHA = 1e-6
"""Colours are divided by no smaller alpha."""
EQUAL_DB = 100.0
"""PSNR of images without any difference."""


def to_uint8(image: Float[Array, "*shape"]) -> UInt8[np.ndarray, "*shape"]:
    """The nearest bytes; values outside [0, 1] are clipped, halves go to the even byte."""
    return _numpy((image.clip(0, 1) * 255).round()).astype(np.uint8)


def to_float(pixels: Any) -> Float32[np.ndarray, "..."]:
    """Bytes, of an array or an image of Pillow's, as numbers in [0, 1]."""
    return np.asarray(pixels, dtype=np.float32) / 255


def srgb_to_linear(srgb: Float[Array, "*shape"]) -> Float[Array, "*shape"]:
    """Linear light of sRGB values (IEC 61966-2-1)."""
    dark = srgb <= 0.04045
    return dark * (srgb / 12.92) + ~dark * ((srgb + 0.055) / 1.055) ** 2.4


def linear_to_srgb(linear: Float[Array, "*shape"]) -> Float[Array, "*shape"]:
    """The inverse of `srgb_to_linear`."""
    dark = linear <= 0.0031308
    return dark * (linear * 12.92) + ~dark * (1.055 * linear.clip(0, None) ** (1 / 2.4) - 0.055)


def premultiply(rgba: Float[Array, "*n 4"]) -> Float[Array, "*n 4"]:
    """Straight RGBA with its colours multiplied by alpha."""
    alpha: Any = rgba[..., 3:]
    image = rgba * alpha
    image[..., 3:] = alpha
    return image


def unpremultiply(rgba: Float[Array, "*n 4"], min_alpha: float = MIN_ALPHA) -> Float[Array, "*n 4"]:
    """The inverse of `premultiply`, clipped to [0, 1]: colours divided by alpha, but by no less than `min_alpha`."""
    alpha: Any = rgba[..., 3:]
    image = (rgba / alpha.clip(min_alpha, None)).clip(0, 1)
    image[..., 3:] = alpha
    return image


def over(rgba: Float[Array, "*n 4"], background: Any) -> Float[Array, "*n 3"]:
    """Premultiplied RGBA over an opaque background: a grey level, or an RGB colour as an array of the image's kind."""
    return rgba[..., :3] + (1 - rgba[..., 3:]) * background


def on_white(rgba: Float[Array, "*n 4"]) -> Float[Array, "*n 3"]:
    """Premultiplied RGBA over white, clipped to [0, 1]."""
    return over(rgba, 1.0).clip(0, 1)


def psnr(image: Float[Array, "*n h w c"], truth: Float[Array, "*n h w c"]) -> float:
    """Peak signal-to-noise ratio in dB of images in [0, 1], at most `EQUAL_DB`; of several, the mean."""
    errors = np.square(_numpy(image - truth).astype(np.float64)).mean(axis=(-3, -2, -1))
    return float(np.minimum(-10 * np.log10(np.maximum(errors, 1e-30)), EQUAL_DB).mean())


def _numpy(array: "NDArray[Any] | Tensor") -> NDArray[Any]:
    return array if isinstance(array, np.ndarray) else array.numpy(force=True)
