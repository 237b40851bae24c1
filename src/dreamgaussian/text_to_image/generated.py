"""What text-to-image models from the hub share."""

import numpy as np
from jaxtyping import Float
from torch import Tensor

from dreamgaussian.inputs.decoding import DecodedImage

OBJECT = ", one whole object, centered, plain white background"
"""Ends the prompt, so that the background can be removed and nothing is cut off."""


def as_image(pixels: Float[Tensor, "3 h w"], name: str) -> DecodedImage:
    """A network's image, opaque."""
    rgb = pixels.clamp(0, 1).permute(1, 2, 0).float().cpu().numpy()
    return DecodedImage(np.dstack([rgb, np.ones(rgb.shape[:2], dtype=np.float32)]), 1.0, name)
