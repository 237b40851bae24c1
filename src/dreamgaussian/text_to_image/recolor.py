"""Recolouring a cut-out image: its main colours become the one asked for, light and shade stay.

Colours are in Oklab (Ottosson 2020), where equal lightness looks equally light in every hue.
"""

import numpy as np
from jaxtyping import Float

from dreamgaussian.core.image import linear_to_srgb, srgb_to_linear
from dreamgaussian.text_to_image.attributes import Look

CLUSTERS = 5
"""Colours that an image is taken to have."""
COVER = {False: 0.67, True: 0.92}
"""Share of a thing that takes its new colour, and its new material; smaller parts keep theirs."""
ROUNDS = 8
WEIGHTS = np.array([0.5, 2.0, 2.0])
"""Lightness tells parts less than hue does: it also changes with the light."""
SOFTNESS = 0.006
"""Width of the border between two colours, as a squared distance."""
NEAR = 0.13
"""Distance of colours that count as one, shaded differently."""
SAME_HUE = 0.97
"""Cosine of the angle between hues that count as one."""
COLORFUL = 0.06
"""Chroma below which a hue says less and less."""
RATIOS = (0.5, 1.4)
"""Of a pixel's lightness to its part's."""
FLOOR = 0.12
"""Added to lightnesses before they are compared: the darkest differences are noise."""


def recolor(rgba: Float[np.ndarray, "*n h w 4"], look: Look) -> Float[np.ndarray, "*n h w 4"]:
    """The image, or images of one thing, straight sRGB and alpha, with the look asked for; alpha stays."""
    lab = oklab(rgba[..., :3])
    colors = lab[rgba[..., 3] > 0.5]
    if len(colors) < CLUSTERS:
        return rgba
    centers, sizes = _clusters(colors)
    chosen = _main(centers, sizes, COVER[look.is_material])
    distances = (((lab[..., None, :] - centers) * WEIGHTS) ** 2).sum(axis=-1)
    near = np.exp(-(distances - distances.min(axis=-1, keepdims=True)) / SOFTNESS)
    share = near / near.sum(axis=-1, keepdims=True)
    weight = share[..., chosen].sum(axis=-1, keepdims=True)
    middle = np.average(centers[chosen, 0], weights=sizes[chosen])
    reference = 0.5 * (share @ centers[:, 0]) + 0.5 * middle
    ratio = np.clip((lab[..., 0] + FLOOR) / (reference + FLOOR), *RATIOS) ** (0.8 * look.contrast)
    new = _painted(look, ratio)
    mixed = weight * srgb(new) + (1 - weight) * rgba[..., :3]
    return np.concatenate([mixed.clip(0, 1), rgba[..., 3:]], axis=-1).astype(np.float32)


def _painted(look: Look, ratio: Float[np.ndarray, "*n h w"]) -> Float[np.ndarray, "*n h w 3"]:
    """The new colour in Oklab, lit as `ratio` says."""
    target = oklab(np.array([int(look.color[i : i + 2], 16) for i in (0, 2, 4)], dtype=np.float64) / 255)
    lightness = min(target[0] * look.lightness, 0.97)
    lit = np.clip(lightness * ratio + _pattern(look, ratio.shape[-2:]), 0.02, 0.995)
    fade = np.sqrt(np.clip(lit / lightness, 0.3, 1.0)) * np.clip((1.02 - lit) / (1.02 - lightness), 0, 1) ** 0.5
    return np.stack([lit, *(look.chroma * part * fade for part in target[1:])], axis=-1)


def _pattern(look: Look, shape: tuple[int, ...]) -> Float[np.ndarray, "h w"]:
    """What a material adds to the lightness."""
    v, u = np.meshgrid(*(np.linspace(0, 1, side) for side in shape), indexing="ij")
    wave = 2 * np.pi
    if look.pattern == "grain":
        drift = 0.5 * np.sin(wave * 0.9 * v) + 0.22 * np.sin(wave * (2.3 * v + u))
        rings = np.sin(wave * (13 * u + drift))
        return 0.030 * rings + 0.012 * np.sin(wave * (47 * u + 3 * drift))
    if look.pattern == "veins":
        drift = 0.6 * np.sin(wave * (1.7 * v + 0.4)) + 0.3 * np.sin(wave * (3.9 * u + 2.1 * v))
        veins = 1 - np.abs(np.sin(wave * (1.6 * u + 1.1 * v + drift)))
        return -0.16 * veins**6
    if look.pattern == "speckle":
        return np.random.default_rng(0).normal(scale=0.022, size=shape)
    return np.zeros(shape)


def _clusters(colors: Float[np.ndarray, "n 3"]) -> tuple[Float[np.ndarray, "k 3"], Float[np.ndarray, " k"]]:
    """Centres and shares of the image's colours by k-means, each started where the earlier ones are farthest."""
    points = colors * WEIGHTS
    centers = points.mean(axis=0)[None]
    while len(centers) < CLUSTERS:
        far = ((points[:, None] - centers) ** 2).sum(axis=-1).min(axis=1).argmax()
        centers = np.concatenate([centers, points[far][None]])
    labels = np.zeros(len(points), dtype=np.int64)
    for _ in range(ROUNDS):
        labels = ((points[:, None] - centers) ** 2).sum(axis=-1).argmin(axis=1)
        present = [points[labels == index] for index in range(CLUSTERS)]
        centers = np.stack([own.mean(axis=0) if len(own) else old for own, old in zip(present, centers, strict=True)])
    return centers / WEIGHTS, np.bincount(labels, minlength=CLUSTERS) / len(points)


def _main(centers: Float[np.ndarray, "k 3"], sizes: Float[np.ndarray, " k"], cover: float) -> list[int]:
    """The fewest clusters that together cover enough, and those that are nearly the same or of the same hue."""
    order = np.argsort(-sizes, kind="stable").tolist()
    first = order[: int(np.searchsorted(np.cumsum(sizes[order]), cover)) + 1]
    near = np.linalg.norm((centers[:, None] - centers[first]) * WEIGHTS, axis=-1) < NEAR
    chroma = np.linalg.norm(centers[:, 1:], axis=1)
    hues = centers[:, 1:] / np.maximum(chroma, COLORFUL)[:, None]
    same_hue = hues @ hues[first].T > SAME_HUE
    return np.flatnonzero((near | same_hue).any(axis=1)).tolist()


def oklab(rgb: Float[np.ndarray, "*shape 3"]) -> Float[np.ndarray, "*shape 3"]:
    """sRGB in [0, 1] to Oklab."""
    return np.cbrt(srgb_to_linear(rgb) @ LMS_FROM_RGB.T) @ LAB_FROM_LMS.T


def srgb(lab: Float[np.ndarray, "*shape 3"]) -> Float[np.ndarray, "*shape 3"]:
    """Oklab to sRGB, clipped to [0, 1]."""
    linear = (lab @ np.linalg.inv(LAB_FROM_LMS).T) ** 3 @ np.linalg.inv(LMS_FROM_RGB).T
    return linear_to_srgb(linear.clip(0, 1))


LMS_FROM_RGB = np.array(
    [
        [0.4122214708, 0.5363325363, 0.0514459929],
        [0.2119034982, 0.6806995451, 0.1073969566],
        [0.0883024619, 0.2817188376, 0.6299787005],
    ]
)
LAB_FROM_LMS = np.array(
    [
        [0.2104542553, 0.7936177850, -0.0040720468],
        [1.9779984951, -2.4285922050, 0.4505937099],
        [0.0259040371, 0.7827717662, -0.8086757660],
    ]
)
