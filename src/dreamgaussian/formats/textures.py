"""Textures, from and to the bytes of image files."""

import io
import warnings
from typing import Any

import numpy as np
import torch
from jaxtyping import Float
from numpy.typing import NDArray
from torch import Tensor

from dreamgaussian.core.image import to_float, to_uint8


def image_bytes(image: Float[Tensor, "h w 3"], kind: str = "png", *, lossless: bool = False) -> bytes:
    """An image with values in [0, 1], in 8 bits, as a PNG or WebP file."""
    from PIL import Image

    pixels = to_uint8(image)
    stream = io.BytesIO()
    options: dict[str, Any] = {"quality": 90, "method": 4, "lossless": lossless} if kind == "webp" else {}
    Image.fromarray(pixels).save(stream, format=kind.upper(), **options)
    return stream.getvalue()


def image_from(source: Any) -> Float[Tensor, "h w 3"]:
    """An image from the bytes of its file, or from one that Pillow has opened; opacity is left out.

    Raises ValueError for one that is broken or unpacks to more than 179 million pixels.
    """
    from PIL import Image

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)
            image = Image.open(io.BytesIO(source)) if isinstance(source, bytes) else source
            pixels = np.array(image.convert("RGB"))
    except Exception as error:  # a decoder of broken files may fail in any way
        raise ValueError("one of its images is broken or too large") from error
    return torch.from_numpy(to_float(pixels))


def repeats(uvs: Tensor | NDArray[Any]) -> bool:
    """Whether texture coordinates leave [0, 1], so that the image must go on beyond its edges."""
    return len(uvs) > 0 and (float(uvs.min()) < 0 or float(uvs.max()) > 1)
