"""The command line: parses and prints, and answers every mistake in one line.

The other files of this folder hold what it can do.
"""

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
from pathlib import Path
from typing import Annotated, Any

import tyro
from tyro.conf import FlagCreatePairsOff, OmitSubcommandPrefixes, subcommand

from dreamgaussian import __version__
from dreamgaussian.cli.convert import ConvertCommand
from dreamgaussian.cli.eval import EvalCommand
from dreamgaussian.cli.mesh import MeshCommand
from dreamgaussian.cli.prior import PriorCommand
from dreamgaussian.cli.resume import ResumeCommand
from dreamgaussian.cli.run import EXIT_INTERRUPTED, ImageCommand, RunFlags, TextCommand
from dreamgaussian.cli.studio import StudioCommand, ViewCommand
from dreamgaussian.cli.texture import TextureCommand
from dreamgaussian.config import RENAMED, RunConfig, from_json, preset, read_run
from dreamgaussian.core.errors import ConfigError, DreamGaussianError

EXIT_ERROR = 2

Command = (
    ImageCommand
    | TextCommand
    | ResumeCommand
    | MeshCommand
    | TextureCommand
    | ConvertCommand
    | StudioCommand
    | ViewCommand
    | EvalCommand
    | PriorCommand
)


def main() -> None:
    """Entry point of `dreamgaussian`."""
    sys.exit(run(sys.argv[1:]))


def run(arguments: Sequence[str]) -> int:
    """Carry out a command line; returns the exit code: 0, 2 after an error in words, 130 after Ctrl-C.

    With `--debug` anywhere in it an error is raised instead.
    """
    if list(arguments) == ["--version"]:
        print(f"dreamgaussian {__version__}")
        return 0
    debug = "--debug" in arguments
    arguments = with_new_names([argument for argument in arguments if argument != "--debug"])
    try:
        command = parse(arguments)
        logging.basicConfig(format="dreamgaussian: %(message)s", level=logging.WARNING, stream=sys.stderr)
        logging.getLogger("dreamgaussian").setLevel(logging.INFO)
        logging.getLogger("trimesh").setLevel(logging.CRITICAL)  # shows tracebacks of what we answer ourselves
        return command.run()
    except DreamGaussianError as error:
        if debug:
            raise
        print(f"dreamgaussian: {error}", file=sys.stderr)
        return EXIT_ERROR
    except OSError as error:
        if debug or error.filename is None:
            raise
        print(f"dreamgaussian: {error.filename} cannot be used ({error.strerror}).", file=sys.stderr)
        return EXIT_ERROR
    except KeyboardInterrupt:
        print("dreamgaussian: interrupted.", file=sys.stderr)
        return EXIT_INTERRUPTED


def with_new_names(arguments: Sequence[str]) -> list[str]:
    """The arguments with the present names of flags that had another one in an earlier release; says so for each."""
    renamed = {_flag(old): _flag(new) for old, new in RENAMED.items()}
    present: list[str] = []
    for argument in arguments:
        name, equals, value = argument.partition("=")
        if name in renamed:
            print(f"dreamgaussian: {name} is called {renamed[name]} now.", file=sys.stderr)
        present.append(renamed.get(name, name) + equals + value)
    return present


def _flag(setting: str) -> str:
    return "--" + setting.replace("_", "-")


def parse(arguments: Sequence[str]) -> Command:
    """The command with all its settings. Raises ConfigError for a mistake; help ends the program, as is usual."""
    defaults = _run_defaults(arguments)
    commands = (
        Annotated[ImageCommand, subcommand("image", default=ImageCommand(**defaults))]
        | Annotated[TextCommand, subcommand("text", default=TextCommand(settings=defaults["settings"]))]
        | Annotated[ResumeCommand, subcommand("resume")]
        | Annotated[MeshCommand, subcommand("mesh")]
        | Annotated[TextureCommand, subcommand("texture")]
        | Annotated[StudioCommand, subcommand("studio")]
        | Annotated[ViewCommand, subcommand("view")]
        | Annotated[ConvertCommand, subcommand("convert")]
        | Annotated[EvalCommand, subcommand("eval")]
        | Annotated[PriorCommand, subcommand("prior")]
    )
    complaint = io.StringIO()
    try:
        with contextlib.redirect_stderr(complaint):
            command, unknown = tyro.cli(
                commands,
                prog="dreamgaussian",
                description="One image in; 3D Gaussians and a clean textured mesh out. With --debug, which every "
                "command takes, an error shows its whole traceback.",
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


def flags(settings: object, prefix: str = "--") -> list[str]:
    """The flags of all settings, those of stages included."""
    names: list[str] = []
    for name, value in vars(settings).items():
        flag = prefix + ("no-" if value is True else "") + name.replace("_", "-")
        names += flags(value, flag + ".") if hasattr(value, "__dataclass_fields__") else [flag]
    return names


def _run_defaults(arguments: Sequence[str]) -> dict[str, Any]:
    """The defaults of a run's flags: those of the preset, or of the run that is repeated."""
    first_look = argparse.ArgumentParser(add_help=False, allow_abbrev=False, exit_on_error=False)
    first_look.add_argument("--preset", default="default")
    first_look.add_argument("--config", type=Path)
    try:
        chosen, _ = first_look.parse_known_args(list(arguments))
    except argparse.ArgumentError:
        return {"settings": RunConfig()}  # tyro says what is wrong
    if chosen.config is None:
        return {"settings": preset(chosen.preset)}
    record = read_run(chosen.config)
    image = record.get("input")
    return {
        "image": Path(image) if isinstance(image, str) else None,
        "settings": from_json(record["config"]),
    }


def _unknown_argument(argument: str, arguments: Sequence[str]) -> str:
    command = next((each for each in arguments if not each.startswith("-")), "")
    if not argument.startswith("-"):
        return f"The argument {argument!r} is one too many. `dreamgaussian {command} --help` lists what there is."
    known = [*flags(RunFlags()), *flags(RunConfig())]
    close = difflib.get_close_matches(argument.split("=")[0], known, n=1, cutoff=0.5)
    hint = f"Did you mean {close[0]}? " if close else ""
    return f"No flag is called {argument!r}. {hint}`dreamgaussian {command} --help` lists them all."


def _one_line(box: str) -> str:
    """What tyro says in a frame, as one line."""
    lines = [line.strip("│╭╰╮╯─ ") for line in box.splitlines()]
    return " ".join(line.replace("For full helptext, run", "For all flags run") for line in lines if line)
