"""The benchmark's objects: an input image, true views all round and points on the true surface.

`data/objects.zip` holds `index.json` (names, credits, cameras) and for every object `KEY/input.webp`, `KEY/00.webp`...
and `KEY/points.npy`; `python -m factory.benchmark` makes it. An object's world frame is set by its input image: the
camera at azimuth 0 and the input's elevation, the longer side of the outline filling 0.8 of the frame, the middle of
the depth at the origin.
"""

import io
import json
import zipfile
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Any

import numpy as np
import torch
from jaxtyping import Float, Float32, Int16, UInt8
from PIL import Image
from torch import Tensor

from dreamgaussian.core.camera import Camera
from dreamgaussian.core.errors import InputError
from dreamgaussian.core.image import premultiply, to_float

VIEW_SIZE = 256
POINT_STEP = 1 / 1024
"""Points lie on a grid this fine, in world units."""


@dataclass(frozen=True)
class BenchmarkEntry:
    """An object's entry in the index."""

    key: str
    name: str
    category: str
    creator: str
    licence: str
    elevation_deg: float
    """Elevation of the input view; its azimuth is 0."""
    views_deg: tuple[tuple[float, float], ...]
    """(azimuth, elevation) of the true views, in degrees."""

    @property
    def input_camera(self) -> Camera:
        """Camera of the input image."""
        return Camera.orbit(0, self.elevation_deg, VIEW_SIZE)

    @property
    def cameras(self) -> list[Camera]:
        """Cameras of the true views."""
        return [Camera.orbit(azimuth, elevation, VIEW_SIZE) for azimuth, elevation in self.views_deg]


@dataclass(frozen=True, eq=False)
class BenchmarkObject:
    """An object with its images in memory."""

    entry: BenchmarkEntry
    input_webp: bytes
    """The input image's file."""
    input_view: Float[Tensor, "s s 4"]
    """The input image, premultiplied RGBA in [0, 1]."""
    views: Float[Tensor, "n s s 4"]
    """The true views, premultiplied RGBA in [0, 1]."""
    points: Float32[np.ndarray, "m 3"]
    """Points on the part of the surface that is visible from outside."""


def shipped_objects() -> Path:
    """The archive that comes with the package."""
    return Path(str(files("dreamgaussian") / "evaluate" / "data" / "objects.zip"))


def read_index(archive: Path | None = None) -> list[BenchmarkEntry]:
    """All objects, in the order in which they are evaluated. Raises InputError where the archive cannot be read."""
    return [_entry(values) for values in json.loads(_read(archive or shipped_objects(), "index.json"))["objects"]]


def read_input(entry: BenchmarkEntry, archive: Path | None = None) -> bytes:
    """The file of the input image alone, a WebP."""
    return _read(archive or shipped_objects(), f"{entry.key}/input.webp")


def read_object(entry: BenchmarkEntry, archive: Path | None = None) -> BenchmarkObject:
    """One object's images and points. Raises InputError where the archive cannot be read."""
    archive = archive or shipped_objects()
    names = [f"{entry.key}/{index:02d}.webp" for index in range(len(entry.views_deg))]
    input_webp = read_input(entry, archive)
    points = np.load(io.BytesIO(_read(archive, f"{entry.key}/points.npy")), allow_pickle=False)
    return BenchmarkObject(
        entry,
        input_webp,
        decode_image(input_webp),
        torch.stack([decode_image(_read(archive, name)) for name in names]),
        decode_points(points),
    )


def decode_points(differences: Int16[np.ndarray, "3 m"]) -> Float32[np.ndarray, "m 3"]:
    """Points from the differences of neighbours, in steps of the grid (`factory/benchmark.py` encodes them)."""
    return (np.cumsum(differences.astype(np.int64), axis=1).T * POINT_STEP).astype(np.float32)


def encode_image(view: UInt8[np.ndarray, "s s 4"], quality: int | None) -> bytes:
    """Premultiplied RGBA as a WebP with straight alpha, which is exact; colours too where no `quality` is given."""
    levels = view.astype(np.float32)
    straight = levels[..., :3] * 255 / np.maximum(levels[..., 3:], 1)
    image = Image.fromarray(np.dstack([np.clip(np.round(straight), 0, 255), levels[..., 3]]).astype(np.uint8))
    buffer = io.BytesIO()
    if quality is None:
        image.save(buffer, "WEBP", lossless=True, quality=100, method=6)
    else:
        image.save(buffer, "WEBP", quality=quality, alpha_quality=100, method=6)
    return buffer.getvalue()


def decode_image(content: bytes) -> Float[Tensor, "s s 4"]:
    """A WebP file as premultiplied RGBA in [0, 1]."""
    rgba = torch.from_numpy(to_float(Image.open(io.BytesIO(content)).convert("RGBA")))
    return premultiply(rgba)


def _entry(values: dict[str, Any]) -> BenchmarkEntry:
    views_deg = tuple((float(azimuth), float(elevation)) for azimuth, elevation in values.pop("views_deg"))
    return BenchmarkEntry(**values, views_deg=views_deg)


def _read(archive: Path, name: str) -> bytes:
    try:
        with zipfile.ZipFile(archive) as opened:
            return opened.read(name)
    except (OSError, KeyError, zipfile.BadZipFile) as error:
        raise InputError(
            f"The benchmark's {name} cannot be read from {archive} ({error}). Install the package again, or make the "
            "archive anew with python -m factory.benchmark."
        ) from error
