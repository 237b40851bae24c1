"""Which priors guide a run, and how much each has to say."""

from dataclasses import dataclass
from typing import Annotated, Literal, get_args

from dreamgaussian.core.errors import ConfigError
from dreamgaussian.core.flags import one_word

PriorName = Literal[
    "mini",
    "zero123",
    "zero123-xl",
    "stable-zero123",
    "stable-diffusion",
    "stable-diffusion-1.5",
    "sdxl",
    "mvdream",
    "imagedream",
]


@dataclass(frozen=True)
class PriorChoice:
    """A prior, and the weight of its loss."""

    name: str
    """A `PriorName`; or a hub id or a folder, whose files tell which of these it is."""
    weight: float = 1.0

    def __post_init__(self) -> None:
        if self.name not in get_args(PriorName) and "/" not in self.name:
            raise ConfigError(
                f"No prior is called {self.name!r}. There are: {', '.join(get_args(PriorName))}; or give a hub id "
                "(owner/name) or a folder (such as ./name)."
            )
        if not 0 < self.weight <= 1e6:
            raise ConfigError(f"The weight of the prior {self.name} is {self.weight:g}. Give a number above 0.")

    @classmethod
    def parse(cls, words: str) -> "PriorChoice":
        """The inverse of `str`: NAME or NAME:WEIGHT. Raises ConfigError for anything else."""
        name, colon, weight = words.rpartition(":")
        try:
            return cls(name, float(weight)) if colon else cls(words)
        except ValueError:
            return cls(words)  # a path with a colon

    def __str__(self) -> str:
        return self.name if self.weight == 1 else f"{self.name}:{self.weight:g}"


PriorFlag = Annotated[PriorChoice, one_word(PriorChoice, PriorChoice.parse, "NAME|ID|FOLDER[:WEIGHT]")]
"""As the command line reads it."""
