"""What an evaluation can be told. No torch here."""

from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Annotated, Literal

from tyro.conf import arg

from dreamgaussian.config import PresetName, RunConfig, preset
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
class EvalSettings:
    """The benchmark: whole runs on held-out objects, scored against the truth."""

    output: Annotated[Path, arg(aliases=["-o"], metavar="FOLDER")] = Path("runs/benchmark")
    """Folder for the scores and the report. Finished runs found there are not repeated."""
    quick: bool = False
    """A look: 4 objects, 4 views each, 4 prompts, the quick preset, unless said otherwise."""
    objects: int | None = None
    """How many of the 40 objects, from the first in a fixed shuffled order; all where nothing is said. With --text also
    0."""
    text: bool = False
    """Also run the text benchmark: prompts, whose assets a classifier and the pixels judge."""
    prompts: int | None = None
    """How many of the 40 prompts, from the first in a fixed shuffled order; all where nothing is said."""
    views: int | None = None
    """How many of the 16 true views to compare with; all where nothing is said."""
    preset: PresetName | None = None
    """Settings of the runs; `default` where nothing is said."""
    steps: int | None = None
    """Optimisation steps of stage 1; the preset's where nothing is said."""
    ablations: bool = False
    """Also run without timestep annealing, without densification, without the reference loss, and with each variant of
    score distillation."""
    images: tuple[Literal[1, 2, 4], ...] = (1,)
    """Also run with 2 input images (front and back), or 4 (all sides). They are true views, which no variant is then
    scored on."""
    prior: PriorFlag = field(default_factory=PriorSettings)
    """The diffusion prior of the runs."""
    device: str = "auto"
    """Where the runs' networks and tensors live: auto, cpu, or a torch device."""
    seed: int = 0
    """Of the runs."""

    def __post_init__(self) -> None:
        for name, least, most in (("objects", 1 - self.text, OBJECTS), ("views", 1, VIEWS), ("prompts", 1, PROMPTS)):
            value = getattr(self, name)
            if value is not None and not least <= value <= most:
                raise ConfigError(f"{name} is {value}. Give a number from {least} to {most}.")
        if self.steps is not None and self.steps < 1:
            raise ConfigError(f"steps is {self.steps}. Give a whole number of at least 1.")

    @property
    def object_count(self) -> int:
        """Objects to evaluate."""
        return (QUICK_OBJECTS if self.quick else OBJECTS) if self.objects is None else self.objects

    @property
    def prompt_count(self) -> int:
        """Prompts to evaluate."""
        return self.prompts or (QUICK_PROMPTS if self.quick else PROMPTS)

    @property
    def view_count(self) -> int:
        """True views to compare with."""
        return self.views or (QUICK_VIEWS if self.quick else VIEWS)

    @property
    def preset_name(self) -> str:
        """The preset of the runs."""
        return self.preset or ("quick" if self.quick else "default")

    @property
    def run_config(self) -> RunConfig:
        """The settings of a run, but for the object's elevation."""
        config = replace(
            preset(self.preset_name),
            seed=self.seed,
            prior=(self.prior,),
            device=self.device,
        )
        return config if self.steps is None else replace(config, fit=replace(config.fit, steps=self.steps))
