"""Runs with several input images: true views, on which no variant is scored then."""

from collections.abc import Sequence
from pathlib import Path

from dreamgaussian.core.camera import Camera, nearest_camera
from dreamgaussian.core.files import atomic_path
from dreamgaussian.core.image import to_uint8
from dreamgaussian.evaluate.dataset import VIEW_SIZE, BenchmarkEntry, BenchmarkObject, encode_image
from dreamgaussian.inputs.settings import PosedImage

SIDES_DEG = {1: (), 2: (180.0,), 4: (90.0, 180.0, 270.0)}
"""Azimuths of the further images, by the number of images; the nearest true views are taken."""


def given_views(entry: BenchmarkEntry, images: int) -> list[int]:
    """Indices of the true views that a run with so many images gets besides the input."""
    wanted = [Camera.orbit(azimuth, entry.elevation_deg, VIEW_SIZE) for azimuth in SIDES_DEG[images]]
    return [nearest_camera(entry.cameras, camera) for camera in wanted]


def posed_images(entry: BenchmarkEntry, images: int, folder: Path) -> tuple[PosedImage, ...]:
    """The same views as settings of a run; their files are in `folder`."""
    indices = given_views(entry, images)
    return tuple(PosedImage(str(folder / f"{index:02d}.webp"), *entry.views_deg[index]) for index in indices)


def write_views(subject: BenchmarkObject, views: Sequence[PosedImage]) -> None:
    """Write the files of `posed_images`."""
    for view in views:
        index = subject.entry.views_deg.index((view.azimuth_deg, view.elevation_deg or 0.0))
        content = encode_image(to_uint8(subject.views[index]), None)
        with atomic_path(Path(view.file)) as temporary:
            temporary.write_bytes(content)
