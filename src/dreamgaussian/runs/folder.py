"""A run's folder: chosen and checked before the work, filled after it. No torch is loaded by importing this."""

import json
import sys
from collections.abc import Generator, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dreamgaussian.core.errors import ConfigError
from dreamgaussian.core.files import atomic_path, check_writable
from dreamgaussian.formats.settings import ExportSettings

if TYPE_CHECKING:
    import numpy as np

    from dreamgaussian.core.gaussians import Gaussians
    from dreamgaussian.core.mesh import Mesh
    from dreamgaussian.fitting.state import FitState
    from dreamgaussian.inputs.subject import Subject
    from dreamgaussian.raster import Rasterizer

RUNS = Path("runs")
TURNTABLE_FRAMES = 90
TURNTABLE_SIZE = 400
TURNTABLE_FPS = 30
PREVIEW_AZIMUTHS_DEG = (0.0, 90.0, 180.0, 270.0)
PREVIEW_ELEVATION_DEG = 15.0
"""Of the turntable and the preview, above the input's."""
PREVIEW_SIZE = 320
SHOW_RADIUS = 2.4
"""Distance of the cameras that show results: a little further off than the input's, for what turns towards them."""


def numbered_folder(name: str) -> Path:
    """The first of runs/<name>-001, -002... that is not there."""
    return next(each for n in count(1) if not (each := RUNS / f"{name}-{n:03d}").exists())


@contextmanager
def results_folder(folder: Path, *, overwrite: bool) -> Generator[Path]:
    """A folder for a run's files, made if need be.

    A folder that was made here and is still empty when the work fails is taken away again. Raises ConfigError where it
    is not empty (unless `overwrite`) or cannot be written.
    """
    if folder.exists() and not folder.is_dir():
        raise ConfigError(f"{folder} is a file. Pass a folder for the results with -o.")
    fresh = not folder.exists()
    try:
        folder.mkdir(parents=True, exist_ok=True)
        occupied = any(folder.iterdir())
    except OSError as error:
        raise ConfigError(f"The folder {folder} cannot be used ({error.strerror}). Pass another with -o.") from error
    if occupied and not overwrite:
        raise ConfigError(f"The folder {folder} is not empty. Pass another with -o, or --overwrite.")
    check_writable(folder)
    try:
        yield folder
    except BaseException:
        if fresh and not any(folder.iterdir()):
            folder.rmdir()
        raise


@dataclass(frozen=True)
class RunFolder:
    """A folder with the files of one run; nothing else knows their names."""

    path: Path

    @property
    def input(self) -> Path:
        """The image of a run of the studio."""
        return self.path / "input"

    @property
    def cutout(self) -> Path:
        """The image cut out and recentred, for the studio's page."""
        return self.path / "cutout.webp"

    @property
    def generated_image(self) -> Path:
        """The image that was made of words."""
        return self.path / "generated.png"

    @property
    def gaussians(self) -> Path:
        """The Gaussians, in the format that is always written where a run may go on."""
        return self.path / "gaussians.ply"

    @property
    def splats(self) -> Path:
        """The Gaussians as the studio's page takes them."""
        return self.path / "gaussians.splat"

    @property
    def first_mesh(self) -> Path:
        """The mesh before the texture is refined, for the studio's page."""
        return self.path / "first-mesh.glb"

    @property
    def mesh(self) -> Path:
        """The textured mesh in the default format."""
        return self.path / "mesh.glb"

    @property
    def preview(self) -> Path:
        """Input, Gaussians and mesh on one sheet."""
        return self.path / "preview.png"

    @property
    def thumbnail(self) -> Path:
        """A small view of the result, for the studio's page."""
        return self.path / "thumbnail.webp"

    @property
    def checkpoint(self) -> Path:
        """The state of stage 1, from which the run goes on."""
        return self.path / "fit.safetensors"

    @property
    def losses(self) -> Path:
        """The loss of every step, for the studio's page."""
        return self.path / "losses.json"

    @property
    def record(self) -> Path:
        """What run.json says: enough to repeat the run, and how it went."""
        return self.path / "run.json"

    def results(self) -> list[Path]:
        """The Gaussians and the mesh, as far as they are there."""
        return [path for path in (self.gaussians, self.mesh) if path.is_file()]

    def write_record(self, record: Mapping[str, Any]) -> Path:
        """Write run.json."""
        return self._write_json(self.record, record, indent=2)

    def write_losses(self, losses: Sequence[float]) -> Path:
        """Write the losses of stage 1."""
        return self._write_json(self.losses, [round(loss, 6) for loss in losses])

    def save_state(self, state: "FitState") -> None:
        """Write the state of stage 1."""
        state.save(self.checkpoint)

    def load_state(self) -> "FitState | None":
        """The saved state of stage 1; None where there is none. Raises InputError where it cannot be read."""
        from dreamgaussian.fitting.state import FitState

        return FitState.load(self.checkpoint) if self.checkpoint.exists() else None

    def write_results(
        self,
        settings: ExportSettings,
        gaussians: "Gaussians",
        mesh: "Mesh | None",
        subject: "Subject",
        rasterizer: "Rasterizer",
        generated_image: "np.ndarray | None" = None,
    ) -> list[Path]:
        """Write the files that the settings name, and the preview.

        Args:
            settings: Which files.
            gaussians: Of stage 1.
            mesh: The textured mesh; None where the run has not come so far: the mesh and its turntable are left out.
            subject: Tells the elevation from which results are shown.
            rasterizer: Draws the Gaussians.
            generated_image: sRGB with straight alpha in [0, 1], [h, w, 4], where an image was made of words.

        Returns:
            The paths of the files.
        """
        from dreamgaussian.core.image import to_uint8
        from dreamgaussian.formats import save
        from dreamgaussian.runs.video import write_video

        paths: list[Path] = []
        for path in (self.path / name for name in settings.files):
            if path.stem == "gaussians":
                save(gaussians, path)
            elif mesh is None:
                continue
            elif path.stem == "mesh":
                save(mesh, path, settings.glb)
            else:
                write_video(_turntable(mesh, subject), path, TURNTABLE_FPS)
            paths.append(path)
        if generated_image is not None:
            paths.append(self.generated_image)
            _write_image(to_uint8(generated_image), self.generated_image)
        _write_image(_preview(gaussians, mesh, subject, rasterizer), self.preview)
        return [*paths, self.preview]

    def _write_json(self, path: Path, value: Any, indent: int | None = None) -> Path:
        with atomic_path(path) as temporary:
            temporary.write_text(json.dumps(value, indent=indent) + "\n", encoding="utf-8")
        return path


def peak_memory_mb() -> float:
    """The process's largest resident size so far."""
    if sys.platform == "win32":
        import psutil

        return psutil.Process().memory_info().peak_wset / 1024**2
    import resource

    unit = 1024**2 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / unit


def _turntable(mesh: "Mesh", subject: "Subject") -> Iterator["np.ndarray"]:
    from dreamgaussian.core.camera import Camera
    from dreamgaussian.core.image import over, to_uint8
    from dreamgaussian.raster.mesh import MeshScene, render_mesh

    scene = MeshScene(mesh.vertices, mesh.faces)
    elevation = _show_elevation(subject)
    for frame in range(TURNTABLE_FRAMES):
        camera = Camera.orbit(360 * frame / TURNTABLE_FRAMES, elevation, TURNTABLE_SIZE, radius=SHOW_RADIUS)
        render = render_mesh(mesh, camera, scene=scene)
        yield to_uint8(over(render.rgba, 1.0))


def _preview(gaussians: "Gaussians", mesh: "Mesh | None", subject: "Subject", rasterizer: "Rasterizer") -> "np.ndarray":
    import torch

    from dreamgaussian.core.camera import Camera
    from dreamgaussian.raster.mesh import render_mesh
    from dreamgaussian.runs.preview import contact_sheet

    elevation = _show_elevation(subject)
    cameras = [Camera.orbit(azimuth, elevation, PREVIEW_SIZE, radius=SHOW_RADIUS) for azimuth in PREVIEW_AZIMUTHS_DEG]
    with torch.no_grad():
        splats = [rasterizer.render(gaussians, camera) for camera in cameras]
    meshes = [] if mesh is None else [render_mesh(mesh, camera) for camera in cameras]
    return contact_sheet(
        subject.views[0].image if subject.views else None,
        [render.rgba for render in splats],
        [render.rgba for render in meshes],
    )


def _write_image(pixels: "np.ndarray", path: Path) -> None:
    from PIL import Image

    with atomic_path(path) as temporary:
        Image.fromarray(pixels).save(temporary)


def _show_elevation(subject: "Subject") -> float:
    input_elevation = subject.views[0].camera.elevation_deg if subject.views else 0.0
    return min(input_elevation + PREVIEW_ELEVATION_DEG, 60.0)
