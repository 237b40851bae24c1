"""`python -m factory`: the embedded prior made anew; each command's flags and what it carries out."""

import sys
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Annotated

import tyro
from tyro.conf import FlagCreatePairsOff, OmitSubcommandPrefixes, arg, subcommand

from dreamgaussian.cli.progress import progress_bars, stage_bars
from dreamgaussian.core.errors import DreamGaussianError
from factory.settings import (
    DataSettings,
    LibrarySettings,
    PackSettings,
    ReportSettings,
    ScoreSettings,
    SprintSettings,
    TrainSettings,
    UnpackSettings,
    WeightsExportSettings,
)

if TYPE_CHECKING:
    from factory.data import DataStep
    from factory.report import ObjectReport


@dataclass(frozen=True)
class DataCommand:
    """Fetch the embedded prior's training objects and render them."""

    settings: Annotated[DataSettings, arg(name="")] = field(default_factory=DataSettings)
    debug: bool = False
    """Show the whole traceback of an error."""

    def run(self) -> int:
        """Shows a bar per phase."""
        from factory.data import make_data

        show_steps(make_data(self.settings))
        return 0


@dataclass(frozen=True)
class TrainCommand:
    """Train the embedded prior for a while; the next call goes on where this one ends."""

    settings: Annotated[TrainSettings, arg(name="")] = field(default_factory=TrainSettings)
    debug: bool = False
    """Show the whole traceback of an error."""

    def run(self) -> int:
        """Shows a bar; the curve is logged beside the state."""
        from factory.loop import train

        steps = train(self.settings)
        with progress_bars() as progress:
            bar = progress.add_task(self.settings.stage, facts="")
            for step in steps:
                validation = "" if step.validation_psnr is None else f"  validation {step.validation_psnr:.2f} dB"
                facts = f"step {step.step}  loss {step.loss:.4f}{validation}"
                progress.update(bar, completed=step.seconds, total=60 * self.settings.minutes, facts=facts)
        return 0


@dataclass(frozen=True)
class ExportCommand:
    """Write the trained networks as float16 weights, with their card."""

    settings: Annotated[WeightsExportSettings, arg(name="")] = field(default_factory=WeightsExportSettings)
    debug: bool = False
    """Show the whole traceback of an error."""

    def run(self) -> int:
        """Prints the weights' path."""
        from factory.export import export_weights

        print(export_weights(self.settings))
        return 0


@dataclass(frozen=True)
class PackCommand:
    """Write the training views as shards that can travel to another machine."""

    settings: Annotated[PackSettings, arg(name="")] = field(default_factory=PackSettings)
    debug: bool = False
    """Show the whole traceback of an error."""

    def run(self) -> int:
        """Shows a bar."""
        from factory.shards import pack_views

        show_steps(pack_views(self.settings))
        return 0


@dataclass(frozen=True)
class UnpackCommand:
    """Read shards of training views back, where they are trained on."""

    settings: Annotated[UnpackSettings, arg(name="")]
    debug: bool = False
    """Show the whole traceback of an error."""

    def run(self) -> int:
        """Shows a bar."""
        from factory.shards import unpack_views

        show_steps(unpack_views(self.settings))
        return 0


@dataclass(frozen=True)
class SprintCommand:
    """Train both stages on shards within minutes, on a machine that is lent for as long."""

    settings: Annotated[SprintSettings, arg(name="")]
    debug: bool = False
    """Show the whole traceback of an error."""

    def run(self) -> int:
        """Prints a line now and then, which a log keeps."""
        from factory.data import DataStep
        from factory.sprint import sprint

        for step in sprint(self.settings):
            if isinstance(step, DataStep):
                print(f"{step.phase} {step.done} of {step.total}", flush=True)
                continue
            stage, now = step
            seen = "" if now.validation_psnr is None else f", validation {now.validation_psnr:.2f} dB"
            print(f"{stage} step {now.step}, {now.seconds:.0f} s: loss {now.loss:.5f}{seen}", flush=True)
        return 0


@dataclass(frozen=True)
class ScoreCommand:
    """Score the lifter's views of held-out objects, set by set and kind by kind."""

    settings: Annotated[ScoreSettings, arg(name="")] = field(default_factory=ScoreSettings)
    debug: bool = False
    """Show the whole traceback of an error."""

    def run(self) -> int:
        """Prints a table."""
        from factory.score import score, table

        print(table(list(score(self.settings))))
        return 0


@dataclass(frozen=True)
class ReportCommand:
    """Score the embedded prior's views of held-out objects, and show them."""

    settings: Annotated[ReportSettings, arg(name="")] = field(default_factory=ReportSettings)
    debug: bool = False
    """Show the whole traceback of an error."""

    def run(self) -> int:
        """Prints a table of decibels and the picture's path."""
        from factory.report import mean_scores, report, table, write_sheet

        reports: list[ObjectReport] = []
        steps = report(self.settings)
        with progress_bars() as progress:
            bar = progress.add_task("Views", facts="")
            for one, count in steps:
                reports.append(one)
                progress.update(bar, completed=len(reports), total=count, facts=one.name)
        write_sheet(self.settings.output, reports)
        print(f"{table(mean_scores(reports))}\n{self.settings.output}")
        return 0


@dataclass(frozen=True)
class LibraryCommand:
    """Make the picture library that text input goes by without a hub."""

    settings: Annotated[LibrarySettings, arg(name="")] = field(default_factory=LibrarySettings)
    debug: bool = False
    """Show the whole traceback of an error."""

    def run(self) -> int:
        """Prints the archive's path."""
        from factory.library import make_library

        show_steps(make_library(self.settings))
        print(self.settings.output)
        return 0


Command = (
    Annotated[DataCommand, subcommand("data")]
    | Annotated[TrainCommand, subcommand("train")]
    | Annotated[ExportCommand, subcommand("export")]
    | Annotated[PackCommand, subcommand("pack")]
    | Annotated[UnpackCommand, subcommand("unpack")]
    | Annotated[SprintCommand, subcommand("sprint")]
    | Annotated[ScoreCommand, subcommand("score")]
    | Annotated[ReportCommand, subcommand("report")]
    | Annotated[LibraryCommand, subcommand("library")]
)


def show_steps(steps: "Iterable[DataStep]") -> None:
    """A bar per phase."""
    with stage_bars() as show:
        for step in steps:
            show(step.phase, step.done, step.total)


def main(arguments: list[str] | None = None) -> int:
    """Carry out a command line; returns the exit code: 0, or 2 after an error in words."""
    command = tyro.cli(
        Command,  # pyright: ignore[reportArgumentType]
        prog="python -m factory",
        description="Make the embedded prior: its training views, its training, its weights.",
        args=arguments,
        config=(OmitSubcommandPrefixes, FlagCreatePairsOff),
    )
    try:
        return command.run()
    except DreamGaussianError as error:
        if command.debug:
            raise
        print(f"factory: {error}", file=sys.stderr)
        return 2


if __name__ == "__main__":
    sys.exit(main())
