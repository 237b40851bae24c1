"""A run that is stopped, wherever it is, and goes on ends as one that was not."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from dreamgaussian.api import resume, text_to_3d
from dreamgaussian.core.errors import ConfigError
from dreamgaussian.fitting.state import FitState
from dreamgaussian.pipeline import Snapshot
from dreamgaussian.runs.driver import drive, reopen_run
from dreamgaussian.runs.folder import RunFolder
from dreamgaussian.runs.opening import open_run
from runs.small_run import SETTINGS, BallPrior

RESULTS = ("gaussians.ply", "mesh.glb")


@pytest.fixture(scope="module")
def uninterrupted(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("uninterrupted")
    text_to_3d("a ball", SETTINGS, prior=BallPrior(), output=folder)
    return folder


def interrupt(*_: object) -> None:
    raise KeyboardInterrupt


def interrupt_at(stage: str, step: int) -> Callable[[Snapshot], None]:
    def show(snapshot: Snapshot) -> None:
        if (snapshot.stage, snapshot.step) == (stage, step):
            interrupt()

    return show


def stopped(folder: Path, prior: BallPrior, show: Callable[[Snapshot], None] = lambda _: None) -> RunFolder:
    """The folder of a run that was stopped."""
    folder.mkdir()
    config = replace(SETTINGS, prompt="a ball")
    with pytest.raises(KeyboardInterrupt):
        drive(open_run(None, config, prior=prior), None, RunFolder(folder), show)
    return RunFolder(folder)


def check_resumed(folder: RunFolder, uninterrupted: Path) -> None:
    assert json.loads(folder.record.read_text())["state"] == "interrupted"
    resume(folder.path, prior=BallPrior())
    for name in RESULTS:
        assert (folder.path / name).read_bytes() == (uninterrupted / name).read_bytes(), name
    record, whole = (json.loads((path / "run.json").read_text()) for path in (folder.path, uninterrupted))
    assert record["state"] == "finished"
    assert record["config"] == whole["config"]
    assert set(record["seconds"]) == set(whole["seconds"]) == {"Opening", "Gaussians", "Mesh", "Texture", "Files"}
    assert not folder.checkpoint.exists()


@pytest.mark.parametrize(("stage", "step"), [("Gaussians", 1), ("Gaussians", 7), ("Mesh", 1), ("Texture", 1)])
def test_a_run_that_was_stopped_between_steps_goes_on(stage, step, tmp_path, uninterrupted):
    check_resumed(stopped(tmp_path / "run", BallPrior(), interrupt_at(stage, step)), uninterrupted)


def test_a_run_that_was_stopped_within_a_step_goes_on(tmp_path, uninterrupted):
    """Random numbers were drawn for the step, which is done anew."""
    prior = BallPrior(at_call=6, event=interrupt)
    folder = stopped(tmp_path / "run", prior)
    assert FitState.load(folder.checkpoint).step == 5
    check_resumed(folder, uninterrupted)


def test_a_killed_run_goes_on_from_its_start_where_no_state_was_saved(tmp_path, uninterrupted):
    folder = stopped(tmp_path / "run", BallPrior(), interrupt_at("Gaussians", 3))
    folder.checkpoint.unlink()
    check_resumed(folder, uninterrupted)


def test_a_finished_run_is_not_resumed(uninterrupted):
    with pytest.raises(ConfigError, match=r"is finished\. Repeat it with --config .*run\.json"):
        reopen_run(RunFolder(uninterrupted))


def test_a_folder_without_a_run_is_not_resumed(tmp_path):
    with pytest.raises(ConfigError, match=r"run\.json cannot be read"):
        reopen_run(RunFolder(tmp_path))


def test_a_prior_of_ones_own_is_asked_for_when_its_run_is_resumed(tmp_path):
    folder = stopped(tmp_path / "run", BallPrior(), interrupt_at("Gaussians", 1))
    with pytest.raises(ConfigError, match="No prior is called 'ball'"):
        resume(folder.path)
