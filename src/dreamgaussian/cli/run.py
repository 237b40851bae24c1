"""`dreamgaussian image` and `text`: the whole run."""

import signal
import sys
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

from tyro.conf import Positional, UseAppendAction, arg

from dreamgaussian.cli.progress import stage_bars
from dreamgaussian.config import PresetName, RunConfig
from dreamgaussian.core.errors import ConfigError
from dreamgaussian.inputs.decoding import check_image
from dreamgaussian.inputs.settings import PosedImage, PosedImageFlag
from dreamgaussian.priors.registry import check_name
from dreamgaussian.priors.settings import PriorFlag, PriorSettings
from dreamgaussian.runs.folder import RunFolder, numbered_folder, results_folder

if TYPE_CHECKING:
    from dreamgaussian.pipeline import Run, Snapshot

EXIT_INTERRUPTED = 130
MAX_NAME = 40
"""Characters of a prompt that go into a folder's name."""


def check_words(config: RunConfig) -> None:
    """Raises InputError where a run by words alone would look up what the image library has not."""
    if config.text_to_image == "library":
        from dreamgaussian.text_to_image.library import open_library

        open_library().read(config.prompt)


@dataclass(frozen=True)
class RunFlags:
    """The flags of all commands that make an asset."""

    output: Annotated[Path | None, arg(aliases=["-o"], metavar="FOLDER")] = None
    """Folder for the results; runs/<name>-001, -002... where none is given."""
    overwrite: bool = False
    """Write into a folder that is not empty."""
    preset: PresetName = "default"
    """Settings to start from; every flag below changes one of them."""
    config: Annotated[Path | None, arg(metavar="RUN.JSON")] = None
    """Repeat the run that wrote this run.json."""
    prior: UseAppendAction[tuple[PriorFlag, ...]] = ()
    """The diffusion prior, mini where nothing is said: the embedded one, which needs no download. May be given several
    times, each with its weight; the first frames the image and refines the texture."""
    prior_path: str | None = None
    """Folder, file or hub id to take the weights of the only prior from; none given: the published places."""
    roundness: float | None = None
    """How strongly depth that the image does not show follows the outline's width, 0 to 1.5, 0.6 where nothing is said;
    for the prior mini alone."""
    steps: int | None = None
    """Short for --fit.steps."""
    elevation: float | Literal["auto"] | None = None
    """Short for --subject.elevation-deg: degrees from which the image was taken, positive from above; `auto` for
    --subject.estimate-elevation."""
    lora: Annotated[UseAppendAction[tuple[str, ...]], arg(metavar="FILE[:SCALE]")] = ()
    """A low-rank change (LoRA) to the weights of a prior from the hub; may be given several times."""
    settings: Annotated[RunConfig, arg(name="")] = field(default_factory=RunConfig)

    def resolved(self) -> RunConfig:
        """The settings with the short flags put in their places."""
        config = self.settings
        config = replace(config, prior=self._priors(config))
        if self.steps is not None:
            config = replace(config, fit=replace(config.fit, steps=self.steps))
        if self.elevation == "auto":
            config = replace(config, subject=replace(config.subject, estimate_elevation=True))
        elif self.elevation is not None:
            known = replace(config.subject, elevation_deg=self.elevation, estimate_elevation=False)
            config = replace(config, subject=known)
        if self.lora:
            config = replace(config, hub=replace(config.hub, lora=self.lora))
        return config

    def _priors(self, config: RunConfig) -> tuple[PriorSettings, ...]:
        """The priors of the flags, or else of the settings."""
        priors: tuple[PriorSettings, ...] = self.prior or config.prior
        for prior in priors:
            check_name(prior.name)
        if self.prior_path is not None:
            if len(priors) != 1:
                raise ConfigError("--prior-path goes with one prior. Give each one's folder or hub id with --prior.")
            priors = (replace(priors[0], path=self.prior_path),)
        if self.roundness is not None:
            priors = tuple(replace(prior, roundness=self.roundness) for prior in priors)
        return priors


@dataclass(frozen=True)
class ImageCommand(RunFlags):
    """Turn one image, or several of one subject, into 3D Gaussians and a textured mesh.

    Sides are the subject's own: its left side is that of its left hand, and faces right in the front image.
    """

    image: Annotated[Positional[Path | None], arg(metavar="IMAGE")] = None
    """PNG, JPEG or WebP, with or without a background; the front. May be left out with --config."""
    front: Annotated[Path | None, arg(metavar="FILE")] = None
    """The same as IMAGE."""
    left: Annotated[str | None, arg(metavar="FILE")] = None
    """An image of the subject's left side, azimuth 90."""
    back: Annotated[str | None, arg(metavar="FILE")] = None
    """An image of its back, azimuth 180."""
    right: Annotated[str | None, arg(metavar="FILE")] = None
    """An image of its right side, azimuth 270."""
    view: UseAppendAction[tuple[PosedImageFlag, ...]] = ()
    """An image from any direction; may be given several times. Azimuth grows from the front (0) to the left (90); the
    elevation may be left out, as with the flags above, and is then the front's."""

    def run(self) -> int:
        """Images in, folder out."""
        config = self.resolved()
        if self.image and self.front and not self.config:
            raise ConfigError(f"{self.image} and --front {self.front} are both the front. Give one of them.")
        front = self.front or self.image
        if front is None:
            raise ConfigError("No image was given. Pass the path of a PNG, JPEG or WebP file.")
        for image in (front, *(Path(view.file) for view in config.subject.views)):
            check_image(image)
        with results_folder(self.output or numbered_folder(front.stem), overwrite=self.overwrite) as folder:
            return make_asset(front, config, folder)

    def resolved(self) -> RunConfig:
        """The settings; images of other sides, where there are any, replace those of a repeated run."""
        config = super().resolved()
        sides = ((self.left, 90.0), (self.back, 180.0), (self.right, 270.0))
        views = *(PosedImage(file, azimuth) for file, azimuth in sides if file), *self.view
        return replace(config, subject=replace(config.subject, views=views)) if views else config


@dataclass(frozen=True)
class TextCommand(RunFlags):
    """Turn words into 3D Gaussians and a textured mesh. Priors from the hub that know words (mvdream,
    stable-diffusion) go by them. The embedded one, mini, needs an image: without a hub the words are looked up in a
    small library of images of everyday things, and the one found is recoloured ("a red armchair", "a wooden car").
    That is no generator: what the library lacks is an error that names what comes close.
    """

    words: Annotated[Positional[str], arg(metavar="PROMPT")] = ""
    """What to make, such as "a red armchair"."""

    def run(self) -> int:
        """Words in, folder out."""
        config = self.resolved()
        config = replace(config, prompt=self.words or config.prompt)
        if not config.prompt:
            raise ConfigError('No words were given. Say what to make, such as "a red armchair".')
        if config.goes_by_image and config.text_to_image is None:
            raise ConfigError(f"The prior {config.prior[0].name} goes by an image. Leave out --via-image none.")
        check_words(config)
        name = "-".join("".join(each if each.isalnum() else " " for each in config.prompt.lower()).split())
        with results_folder(self.output or numbered_folder(name[:MAX_NAME]), overwrite=self.overwrite) as folder:
            return make_asset(None, config, folder)


def make_asset(image: Path | None, config: RunConfig, folder: Path) -> int:
    """Run the pipeline with a progress bar per stage, and write what it made, also after Ctrl-C."""
    from dreamgaussian.runs.opening import open_run

    return drive_with_bars(open_run(image, config), image, RunFolder(folder))


def drive_with_bars(run: "Run", image: Path | None, folder: RunFolder) -> int:
    """Drive a run to its end with a progress bar per stage; prints the paths of its files, and returns the exit code.

    SIGTERM ends it as Ctrl-C does.
    """
    from dreamgaussian.runs.driver import drive

    last: Snapshot | None = None
    try:
        with _termination_as_interrupt(), stage_bars() as show_stage:

            def show(snapshot: "Snapshot") -> None:
                nonlocal last
                last = snapshot
                show_stage(snapshot.stage, snapshot.step, snapshot.steps, _facts(snapshot))

            _, paths = drive(run, image, folder, show)
    except KeyboardInterrupt:
        done = "before the first step" if last is None else f"in stage {last.stage} after step {last.step}"
        print(
            f"dreamgaussian: interrupted {done}; what there was is in {folder.path}. "
            f"`dreamgaussian resume {folder.path}` goes on.",
            file=sys.stderr,
        )
        return EXIT_INTERRUPTED
    print("\n".join(str(path) for path in paths))
    return 0


@contextmanager
def _termination_as_interrupt() -> Generator[None]:
    """SIGTERM raises KeyboardInterrupt, as SIGINT does."""
    before = signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _facts(snapshot: "Snapshot") -> str:
    loss = "" if snapshot.loss is None else f"loss {snapshot.loss:.4g}  "
    if snapshot.mesh is not None:
        return f"{loss}{len(snapshot.mesh.faces):,} faces"
    return f"{loss}{len(snapshot.gaussians):,} Gaussians"
