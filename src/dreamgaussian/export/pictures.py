"""Textures, from and to the bytes of picture files."""

import io
from typing import Any

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor


def picture_bytes(picture: Float[Tensor, "h w 3"], kind: str = "png", *, lossless: bool = False) -> bytes:
    """A picture with values in [0, 1], in 8 bits, as a PNG or WebP file."""
    from PIL import Image

    pixels = (picture.detach().clamp(0, 1) * 255).round().byte().numpy(force=True)
    stream = io.BytesIO()
    options: dict[str, Any] = {"quality": 90, "method": 4, "lossless": lossless} if kind == "webp" else {}
    Image.fromarray(pixels).save(stream, format=kind.upper(), **options)
    return stream.getvalue()


def picture_from(source: Any) -> Float[Tensor, "h w 3"]:
    """A picture from the bytes of its file, or from one that Pillow has opened; opacity is left out.

    Raises what Pillow raises for a broken one: ValueError, OSError, SyntaxError and others.
    """
    from PIL import Image

    image = Image.open(io.BytesIO(source)) if isinstance(source, bytes) else source
    return torch.from_numpy(np.array(image.convert("RGB"))).float() / 255
