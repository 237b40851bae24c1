"""The command line: parses, drives the pipeline's iterators, prints. No logic of the method lives here."""

import os

# OpenMP's spinning makes two programs on one machine crawl; it is read when torch is loaded.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

import argparse
import contextlib
import difflib
import io
import logging
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import tyro
from tyro.conf import FlagCreatePairsOff, OmitSubcommandPrefixes, Positional, arg, subcommand

from dreamgaussian import __version__
from dreamgaussian.config import PresetName, RunConfig, from_json, preset, read_run
from dreamgaussian.errors import ConfigError, Diverged, DreamGaussianError
from dreamgaussian.output import open_folder, write_results
from dreamgaussian.picture import check_picture
from dreamgaussian.train.settings import DataSettings, TrainSettings

if TYPE_CHECKING:
    from dreamgaussian.pipeline import Run, Snapshot, StageClock

EXIT_ERROR = 2
EXIT_INTERRUPTED = 130


@dataclass(frozen=True)
class ImageCommand:
    """Turn one picture into 3D Gaussians and a textured mesh."""

    picture: Annotated[Positional[Path | None], arg(metavar="PICTURE")] = None
    """PNG, JPEG or WebP, with or without a background. May be left out with --config."""
    output: Annotated[Path | None, arg(aliases=["-o"], metavar="FOLDER")] = None
    """Folder for the results; runs/<name>-001, -002... where none is given."""
    overwrite: bool = False
    """Write into a folder that is not empty."""
    preset: PresetName = "default"
    """Settings to start from; every flag below changes one of them."""
    config: Annotated[Path | None, arg(metavar="RUN.JSON")] = None
    """Repeat the run that wrote this run.json."""
    steps: int | None = None
    """Short for --fit.steps."""
    elevation: float | None = None
    """Short for --subject.elevation-deg: degrees from which the picture was taken, positive from above."""
    debug: bool = False
    """Show the whole traceback of an error."""
    settings: Annotated[RunConfig, arg(name="")] = field(default_factory=RunConfig)

    def resolved(self) -> RunConfig:
        """The settings with the short flags put in their places."""
        config = self.settings
        if self.steps is not None:
            config = replace(config, fit=replace(config.fit, steps=self.steps))
        if self.elevation is not None:
            config = replace(config, subject=replace(config.subject, elevation_deg=self.elevation))
        return config


@dataclass(frozen=True)
class DataCommand:
    """Fetch the training objects and render them."""

    settings: Annotated[DataSettings, arg(name="")] = field(default_factory=DataSettings)
    debug: bool = False
    """Show the whole traceback of an error."""


@dataclass(frozen=True)
class TrainCommand:
    """Train the embedded prior for a while; the next call goes on where this one ends."""

    settings: Annotated[TrainSettings, arg(name="")] = field(default_factory=TrainSettings)
    debug: bool = False
    """Show the whole traceback of an error."""


@dataclass(frozen=True)
class PriorCommand:
    """Make the embedded prior anew."""

    command: Annotated[DataCommand, subcommand("data")] | Annotated[TrainCommand, subcommand("train")]


Command = ImageCommand | PriorCommand


def main() -> None:
    """Entry point of `dreamgaussian`."""
    sys.exit(run(sys.argv[1:]))


def run(arguments: Sequence[str]) -> int:
    """Carry out a command line; returns the exit code: 0, 2 after an error in words, 130 after Ctrl-C."""
    if list(arguments) == ["--version"]:
        print(f"dreamgaussian {__version__}")
        return 0
    try:
        command = parse(arguments)
        _log_to_stderr()
        match command:
            case ImageCommand():
                return image(command)
            case PriorCommand(command=DataCommand(settings=settings)):
                return prior_data(settings)
            case PriorCommand(command=TrainCommand(settings=settings)):
                return prior_train(settings)
            case _:
                raise AssertionError(command)
    except DreamGaussianError as error:
        if "--debug" in arguments:
            raise
        print(f"dreamgaussian: {error}", file=sys.stderr)
        return EXIT_ERROR
    except KeyboardInterrupt:
        print("dreamgaussian: interrupted.", file=sys.stderr)
        return EXIT_INTERRUPTED


def parse(arguments: Sequence[str]) -> Command:
    """The command with all its settings. Raises ConfigError for a mistake; help ends the program, as is usual."""
    commands = (
        Annotated[ImageCommand, subcommand("image", default=_image_defaults(arguments))]
        | Annotated[PriorCommand, subcommand("prior")]
    )
    complaint = io.StringIO()
    try:
        with contextlib.redirect_stderr(complaint):
            command, unknown = tyro.cli(
                commands,
                prog="dreamgaussian",
                description="One picture in; 3D Gaussians and a clean textured mesh out.",
                args=list(arguments),
                return_unknown_args=True,
                config=(OmitSubcommandPrefixes, FlagCreatePairsOff),
            )
    except SystemExit as end:
        if not end.code:
            raise
        raise ConfigError(_one_line(complaint.getvalue())) from None
    if unknown:
        raise ConfigError(_unknown_argument(unknown[0], arguments))
    return command


def image(command: ImageCommand) -> int:
    """`dreamgaussian image`."""
    config = command.resolved()
    if command.picture is None:
        raise ConfigError("No picture was given. Pass the path of a PNG, JPEG or WebP file.")
    check_picture(command.picture)
    folder = open_folder(command.output, command.picture.stem, overwrite=command.overwrite)

    from dreamgaussian.pipeline import StageClock, open_run

    clock = StageClock()
    run = open_run(command.picture, config)
    last, interrupted = _watch(run, clock, folder)
    clock.enter("Files")
    if last is not None:
        paths = write_results(folder, command.picture, config, run.subject, last, run.rasterizer, clock)
        print("\n".join(f"{path}" for path in paths))
    if interrupted:
        done = "before the first step" if last is None else f"in stage {last.stage} after step {last.step}"
        print(f"dreamgaussian: interrupted {done}; what there was is in {folder}.", file=sys.stderr)
        return EXIT_INTERRUPTED
    return 0


def _watch(run: "Run", clock: "StageClock", folder: Path) -> "tuple[Snapshot | None, bool]":
    """Drive the run with a progress bar per stage; the last snapshot, and whether Ctrl-C ended it.

    A fit that diverges leaves its last good state in the folder.
    """
    from rich.console import Console
    from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn, TimeRemainingColumn

    from dreamgaussian.pipeline import generate

    last: Snapshot | None = None
    columns = (
        SpinnerColumn(),
        TextColumn("{task.description:<10}"),
        BarColumn(),
        TextColumn("{task.completed:>4.0f}/{task.total:.0f}"),
        TextColumn("{task.fields[facts]}"),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
    )
    try:
        with Progress(*columns, console=Console(stderr=True)) as progress:
            bars = {}
            for last in generate(run):
                clock.enter(last.stage)
                if last.stage not in bars:
                    bars[last.stage] = progress.add_task(last.stage, facts="")
                progress.update(bars[last.stage], completed=last.step, total=last.steps, facts=_facts(last))
    except KeyboardInterrupt:
        return last, True
    except Diverged:
        from dreamgaussian.export.ply import write_ply

        run.state.save(folder / "fit.safetensors")
        write_ply(run.state.gaussians, folder / "gaussians.ply")
        raise
    return last, False


def _facts(snapshot: "Snapshot") -> str:
    loss = "" if snapshot.loss is None else f"loss {snapshot.loss:.4g}  "
    if snapshot.mesh is not None:
        return f"{loss}{len(snapshot.mesh.faces):,} faces"
    return f"{loss}{len(snapshot.gaussians):,} Gaussians"


def prior_data(settings: DataSettings) -> int:
    """`dreamgaussian prior data`."""
    from dreamgaussian.train.data import make_data

    for progress in make_data(settings):
        print(progress)
    return 0


def prior_train(settings: TrainSettings) -> int:
    """`dreamgaussian prior train`."""
    from dreamgaussian.train.loop import train

    for step in train(settings):
        print(step)
    return 0


def _image_defaults(arguments: Sequence[str]) -> ImageCommand:
    """The defaults of all flags: those of the preset, or of the run that is repeated."""
    first_look = argparse.ArgumentParser(add_help=False, allow_abbrev=False, exit_on_error=False)
    first_look.add_argument("--preset", default="default")
    first_look.add_argument("--config", type=Path)
    try:
        chosen, _ = first_look.parse_known_args(list(arguments))
    except argparse.ArgumentError:
        return ImageCommand()  # tyro says what is wrong
    if chosen.config is None:
        return ImageCommand(settings=preset(chosen.preset))
    record = read_run(chosen.config)
    picture = record.get("input")
    settings = from_json(record["config"])
    return ImageCommand(picture=Path(picture) if isinstance(picture, str) else None, settings=settings)


def _unknown_argument(argument: str, arguments: Sequence[str]) -> str:
    command = next((each for each in arguments if not each.startswith("-")), "")
    if not argument.startswith("-"):
        return f"The argument {argument!r} is one too many. `dreamgaussian {command} --help` lists what there is."
    known = [*flags(RunConfig()), "--output", "--overwrite", "--preset", "--config", "--steps", "--elevation"]
    close = difflib.get_close_matches(argument.split("=")[0], known, n=1, cutoff=0.5)
    hint = f"Did you mean {close[0]}? " if close else ""
    return f"No flag is called {argument!r}. {hint}`dreamgaussian {command} --help` lists them all."


def flags(settings: object, prefix: str = "--") -> list[str]:
    """The flags of all settings, those of stages included."""
    names: list[str] = []
    for name, value in vars(settings).items():
        flag = prefix + ("no-" if value is True else "") + name.replace("_", "-")
        names += flags(value, flag + ".") if hasattr(value, "__dataclass_fields__") else [flag]
    return names


def _one_line(box: str) -> str:
    """What tyro says in a frame, as one line."""
    lines = [line.strip("│╭╰╮╯─ ") for line in box.splitlines()]
    return " ".join(line.replace("For full helptext, run", "For all flags run") for line in lines if line)


def _log_to_stderr() -> None:
    logging.basicConfig(format="dreamgaussian: %(message)s", level=logging.INFO, stream=sys.stderr)
