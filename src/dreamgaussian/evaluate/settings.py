"""Settings of an evaluation. No torch here."""

from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Annotated, Literal

from tyro.conf import arg

from dreamgaussian.config import PresetName, RunConfig, preset
from dreamgaussian.core.axes import Axes
from dreamgaussian.core.errors import ConfigError
from dreamgaussian.priors.settings import PriorFlag, PriorSettings

OBJECTS = 40
PROMPTS = 40
VIEWS = 16
"""True views of each object."""
QUICK_OBJECTS = 4
QUICK_PROMPTS = 4
QUICK_VIEWS = 4


@dataclass(frozen=True)
class AssetSettings:
    """Assets of any program, to be scored in place of runs, and their frame."""

    folder: Annotated[Path | None, arg(name="assets", metavar="FOLDER")] = None
    """Score the files of this folder instead of runs: Gaussians or meshes in any format that can be read, one for each
    object, named by its key (KEY.glb). --write-inputs writes the input images under these keys."""
    axes: Annotated[Axes, arg(name="")] = field(default_factory=Axes)
    pose: Literal["upright", "input"] = "upright"
    """What "up" is in the files. upright: the object's own up, with the front turned to the input camera's side; input:
    up in the input image, whose camera looks straight at the front (programs that know no elevation make these)."""
    align: bool = True
    """Move and scale the assets so that they fill as much of the input camera's frame as the input image's silhouette;
    --no-align takes them as they are, in the benchmark's frame, which is that of a run's results."""


@dataclass(frozen=True)
class EvalSettings:
    """The benchmark: whole runs on held-out objects, or assets of any program, scored against the truth."""

    output: Annotated[Path, arg(aliases=["-o"], metavar="FOLDER")] = Path("runs/benchmark")
    """Folder for the scores and the report. Results found there are not measured again, unless settings changed."""
    quick: bool = False
    """Take a quick look: 4 objects, 4 views each, 4 prompts and the preset `quick`, unless other flags say more."""
    objects: int | None = None
    """Number of objects, from the first in a fixed shuffled order; the default is all 40. With --text it may be 0."""
    text: bool = False
    """Also run the text benchmark: prompts, whose assets are judged by a classifier and by their colours."""
    prompts: int | None = None
    """Number of prompts, from the first in a fixed shuffled order; the default is all 40."""
    views: int | None = None
    """Number of true views to compare with; the default is all 16."""
    preset: PresetName | None = None
    """Preset of the runs; the default is `default`, and `quick` with --quick."""
    steps: int | None = None
    """Optimisation steps of stage 1; the default is the preset's."""
    ablations: bool = False
    """Also run without timestep annealing, without densification, without the reference loss, and with each variant of
    score distillation."""
    images: tuple[Literal[1, 2, 4], ...] = (1,)
    """Numbers of input images to run with: 2 adds the back, 4 all sides. These are true views, on which no variant is
    scored then."""
    prior: PriorFlag = field(default_factory=PriorSettings)
    """The diffusion prior of the runs."""
    device: str = "auto"
    """Where the runs' networks and tensors live: auto, cpu, or a torch device."""
    seed: int = 0
    """Seed of the runs."""
    assets: Annotated[AssetSettings, arg(name="")] = field(default_factory=AssetSettings)

    def __post_init__(self) -> None:
        for name, least, most in (("objects", 1 - self.text, OBJECTS), ("views", 1, VIEWS), ("prompts", 1, PROMPTS)):
            value = getattr(self, name)
            if value is not None and not least <= value <= most:
                raise ConfigError(f"{name} is {value}. Give a number from {least} to {most}.")
        if self.assets.folder is not None and (self.text or self.ablations or self.images != (1,)):
            raise ConfigError("--assets takes no runs: leave --text, --ablations and --images out.")
        if self.steps is not None and self.steps < 1:
            raise ConfigError(f"steps is {self.steps}. Give a whole number of at least 1.")

    @property
    def object_count(self) -> int:
        """Number of objects to evaluate."""
        return (QUICK_OBJECTS if self.quick else OBJECTS) if self.objects is None else self.objects

    @property
    def prompt_count(self) -> int:
        """Number of prompts to evaluate."""
        return self.prompts or (QUICK_PROMPTS if self.quick else PROMPTS)

    @property
    def view_count(self) -> int:
        """Number of true views to compare with."""
        return self.views or (QUICK_VIEWS if self.quick else VIEWS)

    @property
    def preset_name(self) -> str:
        """The preset of the runs."""
        return self.preset or ("quick" if self.quick else "default")

    @property
    def run_config(self) -> RunConfig:
        """The settings of a run, except for the object's elevation."""
        config = replace(
            preset(self.preset_name),
            seed=self.seed,
            prior=(self.prior,),
            device=self.device,
        )
        return config if self.steps is None else replace(config, fit=replace(config.fit, steps=self.steps))
