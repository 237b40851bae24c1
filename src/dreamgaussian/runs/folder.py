"""A run's folder: chosen and checked before the work, filled after it. No torch is loaded by importing this."""

import json
import platform
import sys
from collections.abc import Generator, Iterator, Mapping
from contextlib import contextmanager
from importlib.metadata import PackageNotFoundError, version
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dreamgaussian import __version__
from dreamgaussian.config import to_json
from dreamgaussian.core.errors import ConfigError
from dreamgaussian.core.files import atomic_path, check_writable
from dreamgaussian.core.image import over, to_uint8

if TYPE_CHECKING:
    import numpy as np

    from dreamgaussian.core.mesh import Mesh
    from dreamgaussian.inputs.subject import Subject
    from dreamgaussian.pipeline import Run, Snapshot, StageClock

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


def write_results(
    folder: Path,
    image: Path | None,
    run: "Run",
    snapshot: "Snapshot",
    clock: "StageClock",
) -> list[Path]:
    """Write what there is: the files that the settings name, preview.png and run.json; generated.png where the image
    was made of words. A run that has no textured mesh yet leaves the mesh and its turntable out. Returns the paths.
    """
    from dreamgaussian.formats import save
    from dreamgaussian.runs.video import write_video

    paths: list[Path] = []
    for path in (folder / name for name in run.config.export.files):
        if path.stem == "gaussians":
            save(snapshot.gaussians, path)
        elif snapshot.mesh is None:
            continue
        elif path.stem == "mesh":
            save(snapshot.mesh, path, run.config.export.glb)
        else:
            write_video(_turntable(snapshot.mesh, run.subject), path, TURNTABLE_FPS)
        paths.append(path)
    if run.generated_image is not None:
        paths.append(folder / "generated.png")
        _write_image(run.generated_image.image.rgba, paths[-1])
    paths += [folder / "preview.png", folder / "run.json"]
    _write_preview(run, snapshot, paths[-2])
    record = run_record(image, run, snapshot, clock.read())
    with atomic_path(paths[-1]) as temporary:
        temporary.write_text(json.dumps(record, indent=2) + "\n", encoding="utf-8")
    return paths


def run_record(
    image: Path | None,
    run: "Run",
    snapshot: "Snapshot",
    seconds: Mapping[str, float],
) -> dict[str, Any]:
    """What run.json says: enough to repeat the run, and how it went."""
    crops = [view.crop for view in run.subject.views]
    return {
        "dreamgaussian": __version__,
        "input": None if image is None else str(image),
        "generated_image": None if run.generated_image is None else dict(run.generated_image.metadata),
        "config": to_json(run.config),
        "crops": [{"scale": crop.scale, "offset_px": list(crop.offset_px)} for crop in crops],
        "rasterizer": run.rasterizer.name,
        "finished_stage": snapshot.stage,
        "steps_done": snapshot.step,
        "gaussians": len(snapshot.gaussians),
        "faces": 0 if snapshot.mesh is None else len(snapshot.mesh.faces),
        "seconds": {stage: round(value, 2) for stage, value in seconds.items()},
        "peak_memory_mb": round(peak_memory_mb()),
        "versions": {"python": platform.python_version(), **_versions("torch", "numpy", "trimesh", "xatlas")},
        "machine": {"system": platform.system(), "processor": platform.machine()},
    }


def peak_memory_mb() -> float:
    """The process's largest resident size so far."""
    if sys.platform == "win32":
        import psutil

        return psutil.Process().memory_info().peak_wset / 1024**2
    import resource

    unit = 1024**2 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / unit


def _versions(*packages: str) -> dict[str, str]:
    found: dict[str, str] = {}
    for package in packages:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            found[package] = "not installed"
    return found


def _turntable(mesh: "Mesh", subject: "Subject") -> Iterator["np.ndarray"]:
    from dreamgaussian.core.camera import Camera
    from dreamgaussian.raster.mesh import MeshScene, render_mesh

    scene = MeshScene(mesh.vertices, mesh.faces)
    elevation = _show_elevation(subject)
    for frame in range(TURNTABLE_FRAMES):
        camera = Camera.orbit(360 * frame / TURNTABLE_FRAMES, elevation, TURNTABLE_SIZE, radius=SHOW_RADIUS)
        render = render_mesh(mesh, camera, scene=scene)
        yield to_uint8(over(render.rgba, 1.0))


def _write_preview(run: "Run", snapshot: "Snapshot", path: Path) -> None:
    import torch
    from PIL import Image

    from dreamgaussian.core.camera import Camera
    from dreamgaussian.raster.mesh import render_mesh
    from dreamgaussian.runs.preview import contact_sheet

    elevation = _show_elevation(run.subject)
    cameras = [Camera.orbit(azimuth, elevation, PREVIEW_SIZE, radius=SHOW_RADIUS) for azimuth in PREVIEW_AZIMUTHS_DEG]
    with torch.no_grad():
        splats = [run.rasterizer.render(snapshot.gaussians, camera) for camera in cameras]
    mesh = snapshot.mesh
    meshes = [] if mesh is None else [render_mesh(mesh, camera) for camera in cameras]
    sheet = contact_sheet(
        run.subject.views[0].image if run.subject.views else None,
        [render.rgba for render in splats],
        [render.rgba for render in meshes],
    )
    with atomic_path(path) as temporary:
        Image.fromarray(sheet).save(temporary)


def _write_image(rgba: "np.ndarray", path: Path) -> None:
    from PIL import Image

    with atomic_path(path) as temporary:
        Image.fromarray(to_uint8(rgba)).save(temporary)


def _show_elevation(subject: "Subject") -> float:
    input_elevation = subject.views[0].camera.elevation_deg if subject.views else 0.0
    return min(input_elevation + PREVIEW_ELEVATION_DEG, 60.0)
