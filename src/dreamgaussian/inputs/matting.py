"""Background removal: a saliency network finds the subject, the image's own edges sharpen its outline.

The network is U2-Net-P (Qin et al. 2020, arXiv 2005.09007), shipped in `weights/`. The outline is refined by a guided
filter (He et al., ECCV 2010), the colours of half-covered pixels by blurred fusion (Forte, ICIP 2021).
"""

from functools import cache
from pathlib import Path
from typing import Any, cast

import numpy as np
from jaxtyping import Bool, Float, Int
from PIL import Image
from scipy import ndimage

from dreamgaussian.core.errors import WeightsUnavailable

WEIGHTS = Path(__file__).parents[1] / "weights" / "u2netp.onnx"
NETWORK_SIDE = 320
IMAGENET_MEAN = np.array([0.485, 0.456, 0.406], dtype=np.float32)
IMAGENET_STD = np.array([0.229, 0.224, 0.225], dtype=np.float32)
CLOSER_MARGIN = 0.3
"""Margin round the subject in the second, closer prediction, as a share of its size."""
MAX_SPECK = 0.05
"""Connected parts of less than this share of the largest one are not the subject's."""
MAX_PINHOLE = 0.002
"""Holes of less than this share of the subject's area are mistakes of the network, and filled."""


def remove_background(rgb: Float[np.ndarray, "h w 3"]) -> Float[np.ndarray, "h w 4"]:
    """The subject of an image: its colours, free of the background's at the outline, and its straight alpha.

    Where the network sees no subject, alpha is 0 everywhere. Raises `WeightsUnavailable`.
    """
    alpha = clean_alpha(refine_alpha(saliency(rgb), rgb))
    return np.dstack([foreground_colors(rgb, alpha), alpha])


def saliency(rgb: Float[np.ndarray, "h w 3"], weights: Path = WEIGHTS) -> Float[np.ndarray, "h w"]:
    """Probability that a pixel belongs to the subject: the mean of the network's predictions for the whole image and
    for a crop round the subject that it finds there.

    Each is the mean of the predictions for the image and its mirror image, which differ in their mistakes.
    """
    session = _session(weights)
    mask = _predict(session, rgb)
    rows, columns = np.flatnonzero((mask > 0.5).any(axis=1)), np.flatnonzero((mask > 0.5).any(axis=0))
    if rows.size:
        margin = int(CLOSER_MARGIN * max(np.ptp(rows), np.ptp(columns))) + 1
        closer = np.s_[max(rows[0] - margin, 0) : rows[-1] + margin, max(columns[0] - margin, 0) : columns[-1] + margin]
        mask[closer] = (mask[closer] + _predict(session, rgb[closer])) / 2
    return mask


def _predict(session: Any, rgb: Float[np.ndarray, "h w 3"]) -> Float[np.ndarray, "h w"]:
    """The network's probabilities, with the preprocessing that it was trained with: divided by the maximum."""
    small = _resize(rgb, (NETWORK_SIDE, NETWORK_SIDE))
    small = (small / max(float(small.max()), 1e-6) - IMAGENET_MEAN) / IMAGENET_STD
    batch = np.stack([small, small[:, ::-1]]).transpose(0, 3, 1, 2)
    name = session.get_inputs()[0].name
    plain, mirrored = (session.run(None, {name: image[None]})[0][0, 0] for image in batch)
    return _resize((plain + mirrored[:, ::-1]) / 2, rgb.shape[:2]).clip(0, 1)


def refine_alpha(mask: Float[np.ndarray, "h w"], rgb: Float[np.ndarray, "h w 3"]) -> Float[np.ndarray, "h w"]:
    """The mask with its outline moved to the image's edges: in each window, alpha is affine in the colour.

    Equations (18) to (21) of the guided filter's journal version (TPAMI 2013), for a colour guide. Away from its
    outline the mask stays as it is.
    """
    radius = max(2, max(mask.shape) // 80)  # four of the network's pixels
    mean_color, mean_mask = _box(rgb, radius), _box(mask, radius)
    covariance = _box(rgb[..., :, None] * rgb[..., None, :], radius)
    covariance -= mean_color[..., :, None] * mean_color[..., None, :]
    cross = _box(rgb * mask[..., None], radius) - mean_color * mean_mask[..., None]
    slope = np.linalg.solve(covariance + 1e-3 * np.eye(3, dtype=np.float32), cross[..., None])[..., 0]
    offset = mean_mask - (slope * mean_color).sum(-1)
    refined = (_box(slope, radius) * rgb).sum(-1) + _box(offset, radius)
    sharpened = (refined - 0.2) / 0.6  # the filter blurs: what is below 0.2 and above 0.8 becomes 0 and 1
    inside = ndimage.minimum_filter(mask, size=radius) > 0.8
    outside = ndimage.maximum_filter(mask, size=radius) < 0.2
    return np.where(inside, 1, np.where(outside, 0, sharpened.clip(0, 1))).astype(np.float32)


def clean_alpha(alpha: Float[np.ndarray, "h w"]) -> Float[np.ndarray, "h w"]:
    """Alpha that is partial only along the outline, without specks in the background or pinholes in the subject."""
    keep = large_components(alpha > 0.5, MAX_SPECK)
    holes = _label(~keep & ndimage.binary_fill_holes(keep))
    sizes = np.bincount(holes.ravel())
    pinholes = (holes > 0) & (sizes < MAX_PINHOLE * keep.sum())[holes]
    keep |= pinholes
    reach = max(2, max(alpha.shape) // 100)
    inside = pinholes | ndimage.binary_erosion(keep, iterations=reach, border_value=1)
    near = ndimage.binary_dilation(keep, iterations=reach)
    return np.where(inside, 1, np.where(near, alpha, 0)).astype(np.float32)


def large_components(mask: Bool[np.ndarray, "h w"], share: float) -> Bool[np.ndarray, "h w"]:
    """The connected parts of a mask that are at least a share of the largest one."""
    islands = _label(mask)
    sizes = np.bincount(islands.ravel())
    sizes[0] = 0
    return mask & (sizes >= share * sizes.max())[islands]


def foreground_colors(rgb: Float[np.ndarray, "h w 3"], alpha: Float[np.ndarray, "h w"]) -> Float[np.ndarray, "h w 3"]:
    """What the subject's colour must have been for its mixture with the background to give the image.

    Two rounds of blurred fusion: F <- F' + alpha (I - alpha F' - (1 - alpha) B'), F' and B' being the means of F and B
    near the pixel, weighted by alpha and 1 - alpha.
    """
    weight = alpha[..., None]
    foreground, background = rgb, rgb
    for radius in (max(alpha.shape) // 10 + 1, max(alpha.shape) // 150 + 1):
        mean_foreground = _box(foreground * weight, radius) / (_box(weight, radius) + 1e-5)
        mean_background = _box(background * (1 - weight), radius) / (_box(1 - weight, radius) + 1e-5)
        rest = rgb - weight * mean_foreground - (1 - weight) * mean_background
        foreground = (mean_foreground + weight * rest).clip(0, 1)
        background = mean_background
    return np.where(weight > 0, foreground, rgb)


@cache
def _session(weights: Path) -> Any:
    import onnxruntime

    if not weights.is_file():
        raise WeightsUnavailable(
            f"The background remover's weights are not at {weights}. Reinstall dreamgaussian, or give an image with "
            "a transparent background."
        )
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    options.intra_op_num_threads = 2
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    return onnxruntime.InferenceSession(weights, options, providers=["CPUExecutionProvider"])


def _label(mask: Bool[np.ndarray, "h w"]) -> Int[np.ndarray, "h w"]:
    """The connected parts (corners touch) of a mask, numbered from 1."""
    return cast(Any, ndimage.label(mask, structure=np.ones((3, 3))))[0]


def _box(values: Float[np.ndarray, "h w *c"], radius: int) -> Float[np.ndarray, "h w *c"]:
    """Means over square windows."""
    return cast(Any, ndimage.uniform_filter(values, size=2 * radius + 1, axes=(0, 1), mode="nearest"))


def _resize(values: Float[np.ndarray, "h w *c"], shape: tuple[int, int]) -> Float[np.ndarray, "i j *c"]:
    """Bilinear, antialiased."""
    channels = values.reshape(*values.shape[:2], -1)
    planes = [
        Image.fromarray(np.ascontiguousarray(channels[..., c], dtype=np.float32)).resize(
            (shape[1], shape[0]), Image.Resampling.BILINEAR
        )
        for c in range(channels.shape[-1])
    ]
    return np.stack([np.asarray(plane) for plane in planes], axis=-1).reshape(*shape, *values.shape[2:])
