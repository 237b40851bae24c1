"""The command line as a person meets it: in process where that is enough, as a program where it is not."""

import json
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from dreamgaussian.cli import main as cli
from dreamgaussian.cli.run import ImageCommand, drive_with_bars
from dreamgaussian.config import RunConfig
from dreamgaussian.core.errors import ConfigError, Diverged
from dreamgaussian.fitting.state import FitState
from dreamgaussian.formats import load_gaussians
from dreamgaussian.formats.settings import ExportSettings
from dreamgaussian.runs.driver import run_record
from dreamgaussian.runs.folder import RunFolder
from dreamgaussian.runs.opening import open_run
from runs.small_run import SETTINGS, BallPrior

EXAMPLE = Path(__file__).parents[2] / "examples" / "hamburger.png"
FAST = [
    *("--preset", "quick", "--steps", "8", "--fit.initial-count", "400"),
    *("--mesh.resolution", "48", "--mesh.faces", "1500", "--mesh.texture-size", "256", "--refine.steps", "2"),
]
FILES = ["gaussians.ply", "mesh.glb", "preview.png", "run.json", "turntable.mp4"]


def complaint(arguments, capsys) -> str:
    """The one line that a mistake is answered with."""
    assert cli.run(arguments) == 2
    out, err = capsys.readouterr()
    assert out == ""
    lines = err.strip().splitlines()
    assert len(lines) == 1, err
    assert lines[0].startswith("dreamgaussian: ")
    return lines[0]


@pytest.fixture
def image(tmp_path) -> Path:
    rgba = np.zeros((64, 64, 4), np.uint8)
    rgba[16:48, 16:48] = (200, 80, 40, 255)
    Image.fromarray(rgba).save(tmp_path / "box.png")
    return tmp_path / "box.png"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["image", "x.png", "--stepz", "3"], r"No flag is called '--stepz'. Did you mean --steps?"),
        (["image", "x.png", "--fit.distil.samples", "3"], r"Did you mean --fit.distill.samples?"),
        (["image", "x.png", "y.png"], r"The argument 'y.png' is one too many."),
        (["image", "x.png", "--steps", "many"], "many"),
        (["image", "x.png", "--steps", "0"], "fit.steps is 0. Give a whole number of at least 1."),
        (["image", "x.png", "--elevation", "120"], "elevation_deg is 120."),
        (["image", "x.png", "--preset", "papr"], "No preset is called 'papr'. There are: default, paper, code, quick."),
        (["image", "x.png", "--prior", "zero124"], "zero124"),
        (["image", "x.png", "--config", "missing.json"], "missing.json cannot be read"),
        (["image"], "No image was given."),
        (["image", "x.png", "--front", "y.png"], "x.png and --front y.png are both the front. Give one of them."),
        (["image", "x.png", "--view", "y.png"], "'y.png' is not an image with its direction. Write FILE@AZIMUTH,"),
        (["image", "x.png", "--back", "y.png", "--view", "z.png@180"], "y.png and z.png are both said to be taken"),
        (["image", "missing.png"], "There is no file missing.png."),
        (["image", "."], ". is a folder."),
        (["text"], "No words were given."),
        (["text", "a hot dog"], "The image library has no 'hot dog'"),
        (["text", "a cat", "--via-image", "none"], "The prior mini goes by an image."),
        (["prior", "check", "mini"], "There are no weights on the hub called 'mini'. There are: zero123,"),
    ],
)
def test_mistakes_are_answered_in_one_line(arguments, message, capsys, in_tmp_path):
    assert message in complaint(arguments, capsys)
    assert list(in_tmp_path.iterdir()) == []


def test_a_full_folder_is_refused_and_kept(image, tmp_path, capsys):
    folder = tmp_path / "out"
    folder.mkdir()
    (folder / "thesis.txt").write_text("years of work")
    assert "is not empty. Pass another with -o, or --overwrite." in complaint(
        ["image", str(image), "-o", str(folder)], capsys
    )
    assert [path.name for path in folder.iterdir()] == ["thesis.txt"]


def test_an_output_that_is_a_file_is_refused(image, capsys):
    assert "is a file. Pass a folder" in complaint(["image", str(image), "-o", str(image)], capsys)


def test_a_folder_that_cannot_be_made_is_refused(image, capsys):
    below_a_file = image / "out"
    assert f"The folder {below_a_file} cannot be used (Not a directory)" in complaint(
        ["image", str(image), "-o", str(below_a_file)], capsys
    )


def test_an_unknown_device_is_refused(image, tmp_path, capsys):
    message = complaint(["image", str(image), "-o", str(tmp_path / "out"), "--device", "abacus"], capsys)
    assert "The device 'abacus' cannot be used" in message


def test_a_prior_that_cannot_tell_the_elevation_says_so(image, tmp_path, capsys):
    arguments = ["image", str(image), "-o", str(tmp_path / "out"), "--elevation", "auto"]
    assert "The prior mini cannot tell the elevation of an image, as docs" in complaint(arguments, capsys)


def test_debug_shows_the_traceback():
    with pytest.raises(ConfigError):
        cli.run(["image", "--preset", "papr", "--debug"])


def test_flags_change_the_preset(image):
    command = cli.parse(["image", str(image), "--preset", "paper", "--steps", "77", "--fit.density.every", "9"])
    assert isinstance(command, ImageCommand)
    config = command.resolved()
    assert (config.fit.steps, config.fit.density.every, config.fit.density.gradient_threshold) == (77, 9, 0.5)


def test_the_elevation_may_be_left_to_the_prior():
    command = cli.parse(["image", "a.png", "--prior", "stable-zero123", "--elevation", "auto"])
    assert isinstance(command, ImageCommand)
    assert command.resolved().subject.estimate_elevation


def test_sides_and_views_are_put_beside_the_front():
    arguments = ["image", "--front", "a.png", "--back", "b.png", "--left", "c.png", "--right", "d.png"]
    command = cli.parse([*arguments, "--view", "e.png@45,30", "--view", "f.png@-45"])
    assert isinstance(command, ImageCommand)
    assert [str(view) for view in command.resolved().subject.views] == [
        *("c.png@90", "b.png@180", "d.png@270", "e.png@45,30", "f.png@-45")
    ]


def test_a_missing_further_image_is_found_before_the_run(image, tmp_path, capsys):
    line = complaint(["image", str(image), "--back", "b.png", "-o", str(tmp_path / "out")], capsys)
    assert "There is no file b.png." in line
    assert not (tmp_path / "out").exists()


def test_every_setting_is_a_flag_with_help(capsys):
    with pytest.raises(SystemExit) as end:
        cli.parse(["image", "--help"])
    assert end.value.code == 0
    text = capsys.readouterr().out
    flags = cli.flags(RunConfig())
    assert len(flags) > 30
    for flag in flags:
        assert flag in text, flag


def test_the_command_line_checks_its_arguments_without_torch():
    code = (
        "import sys; from dreamgaussian.cli import main as cli\n"
        "assert cli.run(['image', 'missing.png']) == 2; assert 'torch' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True, capture_output=True)


def test_a_run_writes_its_files_and_repeats_from_its_record(in_tmp_path, capsys):
    assert cli.run(["image", str(EXAMPLE), *FAST]) == 0
    first = in_tmp_path / "runs" / "hamburger-001"
    assert sorted(path.name for path in first.iterdir()) == FILES
    assert [line for line in capsys.readouterr().out.splitlines() if line.endswith("mesh.glb")]
    record = json.loads((first / "run.json").read_text())
    assert record["config"]["fit"]["steps"] == 8
    assert record["input"] == str(EXAMPLE)
    assert set(record["seconds"]) == {"Opening", "Gaussians", "Mesh", "Texture", "Files"}

    assert cli.run(["image", "--config", str(first / "run.json")]) == 0
    again = in_tmp_path / "runs" / "hamburger-002"
    for name in ("gaussians.ply", "mesh.glb"):
        assert (first / name).read_bytes() == (again / name).read_bytes(), name
    assert json.loads((again / "run.json").read_text())["config"] == record["config"]


@pytest.fixture
def heeds_ctrl_c():
    """Programs that are started in the background may have been told to ignore it."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.usefixtures("heeds_ctrl_c")
@pytest.mark.parametrize("signal_number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_writes_what_there_is_and_exits_with_130(signal_number, tmp_path, capsys):
    export = ExportSettings(files=("gaussians.ply", "gaussians.spz", "mesh.usdz", "turntable.gif"))
    prior = BallPrior(at_call=4, event=lambda: signal.raise_signal(signal_number))
    run = open_run(None, replace(SETTINGS, prompt="a ball", export=export), prior=prior)
    assert drive_with_bars(run, None, RunFolder(tmp_path)) == 130
    error = capsys.readouterr().err
    assert f"interrupted in stage Gaussians after step 3; what there was is in {tmp_path}." in error
    assert f"`dreamgaussian resume {tmp_path}` goes on" in error
    written = sorted(path.name for path in tmp_path.iterdir())
    assert written == ["fit.safetensors", "gaussians.ply", "gaussians.spz", "preview.png", "run.json"]  # no mesh yet


def test_a_stopped_run_is_resumed(tmp_path, capsys):
    """By the embedded prior, which a record of a run names."""
    arguments = ["image", str(EXAMPLE), *FAST, "-o", str(tmp_path)]
    command = cli.parse(arguments)
    assert isinstance(command, ImageCommand)
    run, folder = open_run(EXAMPLE, command.resolved()), RunFolder(tmp_path)
    folder.write_record(run_record(run, EXAMPLE, None, "running"))
    assert cli.run(["resume", str(tmp_path)]) == 0
    assert str(folder.mesh) in capsys.readouterr().out
    assert "is finished. Repeat it with --config" in complaint(["resume", str(tmp_path)], capsys)


def test_a_diverged_fit_leaves_its_last_good_state(tmp_path):
    def diverge() -> None:
        raise Diverged("The gradient of means is no longer finite at step 4.")

    run = open_run(None, replace(SETTINGS, prompt="a ball"), prior=BallPrior(at_call=4, event=diverge))
    with pytest.raises(Diverged):
        drive_with_bars(run, None, RunFolder(tmp_path))
    assert FitState.load(tmp_path / "fit.safetensors").step == 3
    assert len(load_gaussians(tmp_path / "gaussians.ply")) == SETTINGS.fit.initial_count
    assert json.loads((tmp_path / "run.json").read_text())["state"] == "failed"


def test_a_renamed_flag_is_understood_and_says_its_new_name(capsys):
    assert cli.with_new_names(["image", "--subject.picture-size=256"]) == ["image", "--subject.image-size=256"]
    assert capsys.readouterr().err == "dreamgaussian: --subject.picture-size is called --subject.image-size now.\n"
