"""Images that the page shows: the cut-out and the gallery's thumbnails."""

from pathlib import Path

import torch
from jaxtyping import Float
from PIL import Image
from torch import Tensor

from dreamgaussian.core.camera import Camera
from dreamgaussian.core.errors import InputError
from dreamgaussian.core.files import atomic_path
from dreamgaussian.core.image import to_uint8, unpremultiply
from dreamgaussian.inputs.subject import Subject
from dreamgaussian.pipeline import Snapshot
from dreamgaussian.raster import Rasterizer
from dreamgaussian.raster.mesh import render_mesh
from dreamgaussian.runs.folder import SHOW_RADIUS

THUMBNAIL_SIZE = 256
"""Pixels."""
THUMBNAIL_AZIMUTH_DEG = 30.0
THUMBNAIL_ELEVATION_DEG = 15.0


def check_pixels(path: Path, max_pixels: int) -> None:
    """Raise InputError for an image of more pixels, before it is decoded; broken files pass, decoding refuses them."""
    try:
        with Image.open(path) as image:
            width, height = image.size
    except Exception:
        return
    if width * height > max_pixels:
        raise InputError(
            f"The image has {width}x{height} pixels, more than the {max_pixels / 1e6:g} megapixels that this studio "
            "takes. Give a smaller one."
        )


def save_cutout(subject: Subject, path: Path) -> None:
    """Write the recentred cut-out, if there is one."""
    if subject.views:
        _save(subject.views[0].image, path)


def save_thumbnail(snapshot: Snapshot, rasterizer: Rasterizer, path: Path) -> None:
    """Write a small view of the mesh, or of the Gaussians while there is none."""
    camera = Camera.orbit(THUMBNAIL_AZIMUTH_DEG, THUMBNAIL_ELEVATION_DEG, THUMBNAIL_SIZE, radius=SHOW_RADIUS)
    if snapshot.mesh is not None:
        render = render_mesh(snapshot.mesh, camera)
    else:
        with torch.no_grad():
            render = rasterizer.render(snapshot.gaussians, camera)
    _save(unpremultiply(render.rgba), path)


def _save(rgba: Float[Tensor, "h w 4"], path: Path) -> None:
    with atomic_path(path) as temporary:
        Image.fromarray(to_uint8(rgba)).save(temporary, quality=85)
