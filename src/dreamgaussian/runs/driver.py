"""Drives a run to its end, with its folder in step: whatever stops it, `resume` goes on."""

import platform
import time
from collections.abc import Callable
from dataclasses import replace
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, Literal

from dreamgaussian import __version__
from dreamgaussian.config import from_json, read_run, to_json
from dreamgaussian.core.clock import StageClock
from dreamgaussian.core.errors import ConfigError
from dreamgaussian.formats import save
from dreamgaussian.guidance.prior import Prior
from dreamgaussian.pipeline import Run, Snapshot, generate
from dreamgaussian.priors.registry import PriorRecord
from dreamgaussian.runs.folder import RunFolder, peak_memory_mb
from dreamgaussian.runs.opening import open_run
from dreamgaussian.text_to_image import TextToImage

CHECKPOINT_INTERVAL_S = 30.0
"""Seconds between two saved states of stage 1: what a killed run loses at most."""

RunState = Literal["running", "interrupted", "failed", "finished"]


def drive(
    run: Run, image: Path | None, folder: RunFolder, show: Callable[[Snapshot], None] = lambda _: None
) -> tuple[Snapshot, list[Path]]:
    """Drive a run to its end and write its files.

    From the start, run.json says what the run is; the state of stage 1 is saved now and then, when the stage ends and
    when an exception ends the run. After Ctrl-C the folder also holds what there is of the results.

    Args:
        run: Opened, or reopened.
        image: The image's path, for run.json.
        folder: Where all files go.
        show: Called with every snapshot.

    Returns:
        The last snapshot, and the paths of the results.
    """
    last: Snapshot | None = None
    folder.write_record(run_record(run, image, None, "running"))
    due = time.monotonic() + CHECKPOINT_INTERVAL_S
    try:
        for last in generate(run):
            show(last)
            if last.stage == "Gaussians" and (last.step == last.steps or time.monotonic() >= due):
                folder.save_state(run.state)
                folder.write_record(run_record(run, image, last, "running"))
                due = time.monotonic() + CHECKPOINT_INTERVAL_S
    except BaseException as error:
        folder.save_state(run.state)
        if isinstance(error, KeyboardInterrupt) and last is not None:
            write_results(run, image, folder, last, "interrupted")
        else:
            save(run.state.gaussians, folder.gaussians)
            folder.write_record(run_record(run, image, last, "failed"))
        raise
    assert last is not None
    paths = write_results(run, image, folder, last, "finished")
    folder.checkpoint.unlink(missing_ok=True)
    return last, paths


def reopen_run(
    folder: RunFolder, *, prior: Prior | PriorRecord | None = None, text_to_image: TextToImage | None = None
) -> tuple[Run, Path | None]:
    """A run that was stopped, as its folder tells it, and the path of its image; `drive` goes on with it.

    Args:
        folder: That of the run.
        prior: As in `open_run`, for a run that was given one.
        text_to_image: Likewise.

    Raises:
        ConfigError: Where the folder holds no run, or one that is finished.
    """
    record = read_run(folder.record)
    if record.get("state", "finished") == "finished":
        raise ConfigError(f"The run in {folder.path} is finished. Repeat it with --config {folder.record}.")
    image = None if record.get("input") is None else Path(record["input"])
    run = open_run(image, from_json(record["config"]), prior=prior, text_to_image=text_to_image)
    seconds: dict[str, float] = record.get("seconds", {})
    opening = seconds.get("Opening", 0.0) + run.seconds["Opening"]
    run = replace(run, seconds={**seconds, "Opening": opening})
    return replace(run, state=folder.load_state() or run.state), image


def write_results(
    run: Run, image: Path | None, folder: RunFolder, snapshot: Snapshot, state: RunState = "finished"
) -> list[Path]:
    """Write what there is and run.json; returns the paths."""
    clock = StageClock(snapshot.seconds)
    generated = None if run.generated_image is None else run.generated_image.image.rgba
    paths = folder.write_results(
        run.config.export, snapshot.gaussians, snapshot.mesh, run.subject, run.rasterizer, generated
    )
    record = run_record(run, image, replace(snapshot, seconds=clock.lap("Files")), state)
    return [*paths, folder.write_record(record)]


def run_record(run: Run, image: Path | None, snapshot: Snapshot | None, state: RunState) -> dict[str, Any]:
    """What run.json says: enough to repeat the run or to go on with it, and how it went."""
    crops = [view.crop for view in run.subject.views]
    seconds = run.seconds if snapshot is None else snapshot.seconds
    mesh = None if snapshot is None else snapshot.mesh
    return {
        "dreamgaussian": __version__,
        "state": state,
        "input": None if image is None else str(image),
        "generated_image": None if run.generated_image is None else dict(run.generated_image.metadata),
        "config": to_json(run.config),
        "crops": [{"scale": crop.scale, "offset_px": list(crop.offset_px)} for crop in crops],
        "rasterizer": run.rasterizer.name,
        "finished_stage": None if snapshot is None else snapshot.stage,
        "steps_done": 0 if snapshot is None else snapshot.step,
        "gaussians": len(run.state.gaussians if snapshot is None else snapshot.gaussians),
        "faces": 0 if mesh is None else len(mesh.faces),
        "seconds": {stage: round(value, 2) for stage, value in seconds.items()},
        "peak_memory_mb": round(peak_memory_mb()),
        "versions": {"python": platform.python_version(), **_versions("torch", "numpy", "trimesh", "xatlas")},
        "machine": {"system": platform.system(), "processor": platform.machine()},
    }


def _versions(*packages: str) -> dict[str, str]:
    found: dict[str, str] = {}
    for package in packages:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            found[package] = "not installed"
    return found
