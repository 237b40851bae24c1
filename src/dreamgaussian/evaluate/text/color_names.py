"""Names of an object's main colours."""

import numpy as np
from jaxtyping import UInt8

MIN_SHARE = 0.15
"""Share of an object's pixels above which a colour is named."""
PALETTE = {
    "black": ("151515",),
    "gray": ("4d4d4d", "888888", "b8b8b8"),
    "white": ("e4e4e4", "ffffff"),
    "red": ("c81e1e", "7d1414", "e8483c"),
    "orange": ("f08a24", "c8641e"),
    "yellow": ("f5d73c", "c8a81e"),
    "green": ("3ca03c", "1e4b1e", "96c850", "6e7832"),
    "turquoise": ("3cbeb4", "1e7878"),
    "blue": ("325ac8", "1e286e", "78aae6", "5a7896"),
    "purple": ("823caa", "5a2878", "b48cd2"),
    "pink": ("f096b4", "e63c8c"),
    "brown": ("784b28", "4b2d19", "a07850"),
    "beige": ("d7be96", "e6d7be"),
}
"""Names of colours with a few examples, sRGB in hexadecimal; pixels take the name of the nearest in CIELAB."""


def color_names(views: UInt8[np.ndarray, "n h w 4"]) -> tuple[str, ...]:
    """Names of the colours of at least `MIN_SHARE` of premultiplied images' opaque pixels, the commonest first."""
    from skimage.color import rgb2lab

    names = [name for name, examples in PALETTE.items() for _ in examples]
    examples = np.array([tuple(bytes.fromhex(code)) for codes in PALETTE.values() for code in codes]) / 255
    colors = views[views[..., 3] == 255][:, :3] / 255
    distances = np.linalg.norm(rgb2lab(colors)[:, None] - rgb2lab(examples), axis=-1)
    counts: dict[str, int] = dict.fromkeys(PALETTE, 0)
    for index, count in enumerate(np.bincount(distances.argmin(axis=1), minlength=len(names))):
        counts[names[index]] += int(count)
    common = sorted(PALETTE, key=lambda name: -counts[name])
    return tuple(name for name in common if counts[name] >= MIN_SHARE * max(len(colors), 1))
