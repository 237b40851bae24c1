"""How far images are from the truth, in decibels."""

from jaxtyping import Float
from torch import Tensor

EQUAL_DB = 100.0
"""PSNR of images without any difference."""


def psnr(ours: Float[Tensor, "*n h w c"], truth: Float[Tensor, "*n h w c"]) -> float:
    """Peak signal-to-noise ratio in dB of images in [0, 1], at most `EQUAL_DB`; of several, the mean."""
    errors = (ours - truth).double().square().mean(dim=(-3, -2, -1))
    return float((-10 * errors.clamp(min=1e-30).log10()).clamp(max=EQUAL_DB).mean())


def on_white(views: Float[Tensor, "*n 4"]) -> Float[Tensor, "*n 3"]:
    """Premultiplied RGBA over white."""
    return (views[..., :3] + 1 - views[..., 3:]).clamp(0, 1)
