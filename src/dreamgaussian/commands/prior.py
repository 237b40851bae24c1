"""`dreamgaussian prior`: the hub's priors checked, the embedded one made anew."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

from tyro.conf import Positional, arg, subcommand

from dreamgaussian.bars import progress_bars, show_steps
from dreamgaussian.errors import ConfigError
from dreamgaussian.prior_settings import PriorName
from dreamgaussian.train.settings import (
    DataSettings,
    ExportSettings,
    LibrarySettings,
    PackSettings,
    ReportSettings,
    TrainSettings,
    UnpackSettings,
)

if TYPE_CHECKING:
    from dreamgaussian.train.report import ObjectReport


@dataclass(frozen=True)
class DataCommand:
    """Fetch the embedded prior's training objects and render them."""

    settings: Annotated[DataSettings, arg(name="")] = field(default_factory=DataSettings)
    debug: bool = False
    """Show the whole traceback of an error."""

    def run(self) -> int:
        """Shows a bar per phase."""
        from dreamgaussian.train.data import make_data

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
        from dreamgaussian.train.loop import train

        steps = train(self.settings)
        with progress_bars() as progress:
            bar = progress.add_task(self.settings.stage, facts="")
            for step in steps:
                validation = "" if step.validation_psnr is None else f"  validation {step.validation_psnr:.2f} dB"
                facts = f"loss {step.loss:.4f}{validation}"
                progress.update(bar, completed=step.step, total=self.settings.total_steps, facts=facts)
        return 0


@dataclass(frozen=True)
class ExportCommand:
    """Write the trained networks as float16 weights, with their card."""

    settings: Annotated[ExportSettings, arg(name="")] = field(default_factory=ExportSettings)
    debug: bool = False
    """Show the whole traceback of an error."""

    def run(self) -> int:
        """Prints the weights' path."""
        from dreamgaussian.train.export import export_weights

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
        from dreamgaussian.train.shards import pack_views

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
        from dreamgaussian.train.shards import unpack_views

        show_steps(unpack_views(self.settings))
        return 0


@dataclass(frozen=True)
class ReportCommand:
    """Score the embedded prior's views of held-out objects, and show them."""

    settings: Annotated[ReportSettings, arg(name="")] = field(default_factory=ReportSettings)
    debug: bool = False
    """Show the whole traceback of an error."""

    def run(self) -> int:
        """Prints a table of decibels and the picture's path."""
        from dreamgaussian.train.report import mean_scores, report, table, write_sheet

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
        from dreamgaussian.train.library import make_library

        show_steps(make_library(self.settings))
        print(self.settings.output)
        return 0


@dataclass(frozen=True)
class CheckCommand:
    """Find, fetch and verify the files of a prior from the hub, and denoise one picture with it."""

    name: Positional[PriorName | Literal["sd3.5", "flux-schnell", "taesd", "taesdxl"]]
    """The prior, or what helps one: a painter for --via-image, or a tiny encoder."""
    prior_path: str | None = None
    """A folder, file or hub id to take the weights from."""
    picture: Path = Path("prior-check.png")
    """Where the picture that it makes goes."""
    device: str = "auto"
    """Where the network runs."""
    offload: bool = False
    """For small graphics cards: the weights of large networks come to the device layer by layer."""
    debug: bool = False
    """Show the whole traceback of an error."""

    def run(self) -> int:
        """Prints what it finds."""
        if self.name == "mini":
            raise ConfigError("The embedded prior, mini, comes with the package. Name a prior from the hub.")
        from dreamgaussian.guidance.check import check
        from dreamgaussian.pipeline import choose_device
        from dreamgaussian.text_to_image import FLOWS
        from dreamgaussian.text_to_image.check import check_painter

        look = check_painter if self.name in FLOWS else check
        device = choose_device(self.device)
        for line in look(self.name, device, self.picture, path=self.prior_path, offload=self.offload):
            print(line, flush=True)
        return 0


@dataclass(frozen=True)
class PriorCommand:
    """Check a prior from the hub, or make the embedded one anew."""

    command: (
        Annotated[CheckCommand, subcommand("check")]
        | Annotated[DataCommand, subcommand("data")]
        | Annotated[TrainCommand, subcommand("train")]
        | Annotated[ExportCommand, subcommand("export")]
        | Annotated[PackCommand, subcommand("pack")]
        | Annotated[UnpackCommand, subcommand("unpack")]
        | Annotated[ReportCommand, subcommand("report")]
        | Annotated[LibraryCommand, subcommand("library")]
    )

    def run(self) -> int:
        """As the chosen command does."""
        return self.command.run()
