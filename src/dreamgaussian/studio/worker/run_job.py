"""A worker's run of the pipeline, which can be paused, stopped, resumed and watched."""

import time
from dataclasses import dataclass, replace
from pathlib import Path

from dreamgaussian.config import RunConfig
from dreamgaussian.core.errors import Diverged, DreamGaussianError
from dreamgaussian.formats import glb, ply, splat
from dreamgaussian.pipeline import Run, Snapshot, extract, generate
from dreamgaussian.runs.driver import write_results
from dreamgaussian.runs.folder import RunFolder
from dreamgaussian.runs.opening import open_run
from dreamgaussian.studio.messages import Message
from dreamgaussian.studio.worker.controls import Controls
from dreamgaussian.studio.worker.reporter import Reporter, Send
from dreamgaussian.studio.worker.thumbnails import check_pixels, save_cutout, save_thumbnail

CHECKPOINT_INTERVAL_S = 15.0
"""Between two saved states of stage 1."""


@dataclass(frozen=True)
class JobSpec:
    """What a worker runs, and where."""

    folder: Path
    """The run's own folder; the image lies there under the name `input`."""
    config: RunConfig
    has_image: bool
    """Whether there is an input image; otherwise there is a prompt alone."""
    resume: bool
    """Continue from the folder's checkpoint, if there is one."""
    max_pixels: int
    """Larger images are refused."""


def run_job(spec: JobSpec, controls: Controls, send: Send) -> None:
    """Run the pipeline to its end, or until it is told to stop; the last message is `finished` or `stopped`.

    Raises DreamGaussianError where the run fails; a diverged run's state is saved first.
    """
    folder = RunFolder(spec.folder)
    run = _open(spec)
    save_cutout(run.subject, folder.cutout)
    elevation = run.subject.views[0].camera.elevation_deg if run.subject.views else None
    send(Message({"kind": "opened", "rasterizer": run.rasterizer.name, "elevation_deg": elevation}))
    reporter = Reporter(send, run.last_stage)
    checkpoint_due = time.monotonic() + CHECKPOINT_INTERVAL_S
    last: Snapshot | None = None
    try:
        for last in generate(run):
            reporter.report(last, watched=controls.watched)
            stage_ends = last.stage == "Gaussians" and last.step == last.steps
            if last.stage == "Gaussians" and (stage_ends or time.monotonic() > checkpoint_due):
                _save(run, folder, send)
                checkpoint_due = time.monotonic() + CHECKPOINT_INTERVAL_S
            if last.stage == "Mesh" and last.mesh is not None and run.last_stage != "Mesh":
                glb.write(last.mesh, folder.first_mesh)
            _obey(run, last, folder, controls, reporter, send)
            if controls.stopping:
                _save(run, folder, send)
                send(Message({"kind": "stopped"}))
                return
    except Diverged:
        _save(run, folder, send)
        raise
    assert last is not None
    send(Message({"kind": "writing"}))
    write_results(run, folder.input if spec.has_image else None, folder, last)
    _save(run, folder, send)
    save_thumbnail(last, run.rasterizer, folder.thumbnail)
    send(Message({"kind": "finished"}))


def _open(spec: JobSpec) -> Run:
    folder = RunFolder(spec.folder)
    image = folder.input if spec.has_image else None
    if image is not None:
        check_pixels(image, spec.max_pixels)
    run = open_run(image, spec.config)
    state = folder.load_state() if spec.resume else None
    return run if state is None else replace(run, state=state)


def _obey(run: Run, last: Snapshot, folder: RunFolder, controls: Controls, reporter: Reporter, send: Send) -> None:
    """Between two steps: extract the mesh that was asked for, and wait while the run is paused."""
    was_paused = False
    while True:
        if controls.take_extract():
            _extract_now(run, last, folder, reporter, send)
        if not controls.paused:
            break
        if not was_paused:
            was_paused = True
            _save(run, folder, send)
            reporter.show(last)
            send(Message({"kind": "paused"}))
        controls.wait_for_change()
    if was_paused and not controls.stopping:
        send(Message({"kind": "resumed"}))
        reporter.restart_clock()


def _extract_now(run: Run, last: Snapshot, folder: RunFolder, reporter: Reporter, send: Send) -> None:
    """Extract a mesh from the Gaussians as they are; where there is no surface yet, a note says so."""
    if last.stage != "Gaussians":
        return
    send(Message({"kind": "note", "text": "Extracting a mesh of the Gaussians as they are now."}))
    try:
        *_, extracted = extract(run, last.gaussians)
    except DreamGaussianError as error:
        send(Message({"kind": "note", "text": f"No mesh yet: {error}"}))
        return
    assert extracted.mesh is not None
    glb.write(extracted.mesh, folder.first_mesh)
    reporter.show_mesh(extracted.mesh, "first")
    reporter.restart_clock()


def _save(run: Run, folder: RunFolder, send: Send) -> None:
    """Write the state to continue from, and the files that the page shows of it without a worker."""
    state = run.state
    folder.save_state(state)
    ply.write(state.gaussians, folder.gaussians)
    splat.write(state.gaussians, folder.splats)
    folder.write_losses(state.losses)
    send(Message({"kind": "saved", "step": state.step}))
