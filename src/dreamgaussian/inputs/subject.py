"""The subject of a run: images with their cameras, words, or both.

An image is decoded (decoding.py), cut out (matting.py), framed and becomes a view.
"""

import logging
import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import cast

import numpy as np
import torch
from jaxtyping import Bool, Float
from PIL import Image
from scipy import ndimage
from torch import Tensor

from dreamgaussian.core.camera import DEFAULT_FOVY_DEG, DEFAULT_RADIUS, Camera
from dreamgaussian.core.errors import InputError
from dreamgaussian.core.image import on_white, premultiply, unpremultiply
from dreamgaussian.inputs.decoding import ALPHA_SEEN, MIN_SIDE, DecodedImage, PosedInput, read_image
from dreamgaussian.inputs.matting import large_components, remove_background
from dreamgaussian.inputs.settings import SubjectSettings
from dreamgaussian.inputs.silhouettes import frame_shares, require_one_outline, shared_frame_share

logger = logging.getLogger(__name__)

MAX_COVERAGE = 0.98
"""A cut-out that covers more of its image than this is no cut-out."""
SPECK = 0.01
"""Connected parts of less than this share of the largest one do not count when the subject is centred."""


@dataclass(frozen=True)
class Crop:
    """How an input image was cut out: input pixel = offset_px + scale x square pixel."""

    scale: float
    offset_px: tuple[float, float]


@dataclass(frozen=True, eq=False)
class View:
    """One image of the subject."""

    image: Float[Tensor, "h w 4"]
    """Square sRGB image with straight alpha, in [0, 1], the subject recentred."""
    camera: Camera
    """Of the image's size."""
    crop: Crop


@dataclass(frozen=True, eq=False)
class Subject:
    """The input of a run."""

    views: tuple[View, ...] = ()
    """The first one defines azimuth 0. Empty where only words are given."""
    prompt: str = ""
    negative_prompt: str = ""


def subject_from_image(
    image: str | Path | DecodedImage,
    settings: SubjectSettings = SubjectSettings(),
    *,
    further: Sequence[PosedInput] = (),
    fill: float = 0.8,
    radius: float = DEFAULT_RADIUS,
    fovy_deg: float = DEFAULT_FOVY_DEG,
    prompt: str = "",
) -> Subject:
    """The subject of one image or of several, cut out and recentred.

    Each cut-out's bounding box is centred in its frame. The longer side of the first one takes `fill` of the frame; the
    others are scaled so that the subject has one size in the world (`silhouettes.frame_shares`), or share its crop.

    Args:
        image: the front, as a path or decoded.
        settings: of the input stage; their `views` are read and added.
        further: decoded images from other sides, added last.
        fill: share of the frame, as in the prior's camera domain; so are `radius` and `fovy_deg`.
        radius: distance of the cameras from the origin.
        fovy_deg: vertical field of view of the cameras.
        prompt: words about the subject.

    Raises `InputError` where there is no usable image or no subject in it, or where images contradict each other.
    """
    front = image if isinstance(image, DecodedImage) else read_image(Path(image))
    inputs = [PosedInput(front, (0.0, settings.elevation_deg))]
    for view in settings.views:
        inputs.append(PosedInput(read_image(Path(view.file)), (view.azimuth_deg, settings.elevation_of(view))))
    inputs += further
    images = [posed.image for posed in inputs]
    size = settings.image_size
    cameras = [Camera.orbit(*posed.angles_deg, size, radius=radius, fovy_deg=fovy_deg) for posed in inputs]

    cut_outs = [_cut_out(image, settings) for image in images]
    masks = [_subject_mask(rgba[..., 3], image.name) for rgba, image in zip(cut_outs, images, strict=True)]
    require_one_outline(masks, cameras, [image.name for image in images])

    if settings.framing == "shared":
        _require_one_size(images)
        masks, shares = [masks[0]] * len(masks), [shared_frame_share(masks, fill)] * len(masks)
    else:
        shares = frame_shares(masks, cameras, fill)
    views: list[View] = []
    for image, rgba, mask, share, camera in zip(images, cut_outs, masks, shares, cameras, strict=True):
        square, crop = recentre(rgba, mask, size, share)
        offset_x, offset_y = (offset * image.scale for offset in crop.offset_px)
        views.append(View(torch.from_numpy(square), camera, Crop(crop.scale * image.scale, (offset_x, offset_y))))
    return Subject(tuple(views), prompt)


def recentre(
    rgba: Float[np.ndarray, "h w 4"], mask: Bool[np.ndarray, "h w"], size: int, fill: float
) -> tuple[Float[np.ndarray, "size size 4"], Crop]:
    """A square image in which the bounding box of the mask is centred and its longer side is `fill` wide.

    Colours are mixed premultiplied, so that none leaks out of transparent pixels, and those next to the subject are
    carried on into the transparent part, so that none leaks in when the straight image is resampled later.
    """
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    (top, bottom), (left, right) = (rows[0], rows[-1] + 1), (columns[0], columns[-1] + 1)
    side = float(max(bottom - top, right - left)) / fill
    offset_x, offset_y = float(left + right - side) / 2, float(top + bottom - side) / 2
    window = premultiply(_window(rgba, math.floor(offset_x), math.floor(offset_y), math.ceil(side) + 1))
    inner_x, inner_y = offset_x - math.floor(offset_x), offset_y - math.floor(offset_y)
    box = (inner_x, inner_y, inner_x + side, inner_y + side)
    planes = [
        np.asarray(
            Image.fromarray(np.ascontiguousarray(channel)).resize((size, size), Image.Resampling.BICUBIC, box=box)
        )
        for channel in np.moveaxis(window, -1, 0)
    ]
    straight = unpremultiply(np.stack(planes, axis=-1)).clip(0, 1)  # bicubic interpolation overshoots
    rgb, alpha = straight[..., :3], straight[..., 3]
    return np.dstack([extend_colors(rgb, alpha), alpha]), Crop(side / size, (offset_x, offset_y))


def _window(rgba: Float[np.ndarray, "h w 4"], left: int, top: int, side: int) -> Float[np.ndarray, "side side 4"]:
    """A copy of a square part of the image, transparent where it reaches out of it."""
    height, width = rgba.shape[:2]
    part = rgba[max(top, 0) : top + side, max(left, 0) : left + side]
    before = max(-top, 0), max(-left, 0)
    after = max(top + side - height, 0), max(left + side - width, 0)
    return np.pad(part, ((before[0], after[0]), (before[1], after[1]), (0, 0)))


def extend_colors(rgb: Float[np.ndarray, "h w 3"], alpha: Float[np.ndarray, "h w"]) -> Float[np.ndarray, "h w 3"]:
    """The colours with those of (nearly) transparent pixels replaced by that of the nearest well covered pixel."""
    known = alpha > 0.5 * alpha.max()
    nearest = ndimage.distance_transform_edt(~known, return_distances=False, return_indices=True)
    rows, columns = cast(np.ndarray, nearest)
    return np.where(alpha[..., None] > ALPHA_SEEN, rgb, rgb[rows, columns])


def _cut_out(image: DecodedImage, settings: SubjectSettings) -> Float[np.ndarray, "h w 4"]:
    """The image with an alpha that tells the subject from the background."""
    rgba, name = image.rgba, image.name
    if settings.background == "remove" or (settings.background == "auto" and not image.is_cut_out):
        logger.info("Removing the background of %s.", name)
        subject = remove_background(on_white(premultiply(rgba)))
        rgba = np.dstack([subject[..., :3], subject[..., 3:] * rgba[..., 3:]])
        if not (rgba[..., 3] > 0.5).any():
            raise InputError(
                f"No subject was found in {name}. Give an image of one object, or one with a transparent background."
            )
    coverage = float((rgba[..., 3] > 0.5).mean())
    if coverage > MAX_COVERAGE:
        advice = "Pass --subject.background remove" if settings.background == "keep" else "Leave room around the object"
        raise InputError(
            f"{name} has no background: the subject covers {coverage:.1%} of it. {advice}, or give an image with a "
            "transparent background."
        )
    return rgba


def _subject_mask(alpha: Float[np.ndarray, "h w"], name: str) -> Bool[np.ndarray, "h w"]:
    """The subject's pixels, without specks."""
    mask = large_components(alpha > ALPHA_SEEN, SPECK)
    if not mask.any():
        raise InputError(f"{name} is transparent everywhere. Give an image with something in it.")
    height, width = (int(np.ptp(np.flatnonzero(mask.any(axis=axis)))) + 1 for axis in (1, 0))
    if max(height, width) < MIN_SIDE:
        raise InputError(
            f"The subject of {name} is only {width}x{height} pixels large. Give an image that shows more of it."
        )
    edges = {"top": mask[0], "bottom": mask[-1], "left": mask[:, 0], "right": mask[:, -1]}
    if touched := [name for name, edge in edges.items() if edge.mean() > 0.05]:
        logger.warning("The subject of %s is cut off at the %s; what is missing is made up.", name, ", ".join(touched))
    return mask


def _require_one_size(images: Sequence[DecodedImage]) -> None:
    sizes = ["x".join(str(round(side * image.scale)) for side in image.rgba.shape[1::-1]) for image in images]
    for image, size in zip(images, sizes, strict=True):
        if size != sizes[0]:
            raise InputError(
                f"{image.name} has {size} pixels and {images[0].name} has {sizes[0]}, so they cannot share one "
                "crop. Leave --subject.framing shared out."
            )
