"""Which priors guide a run, and how those from the hub are loaded and run. No torch here."""

from dataclasses import dataclass
from typing import Annotated, Literal

from dreamgaussian.core.errors import ConfigError
from dreamgaussian.core.flags import one_word

Encoder = Literal["exact", "linear", "tiny"]


@dataclass(frozen=True)
class PriorSettings:
    """One of the priors that guide a run."""

    name: str = "mini"
    """A name of the registry; or a hub id or a folder, whose files tell which of these it is."""
    weight: float = 1.0
    """Weight of the prior's loss against those of the other priors."""
    path: str | None = None
    """Folder, file or hub id to take the prior's weights from; None: the published places."""
    roundness: float = 0.6
    """How strongly depth that the image does not show follows the outline's width, 0 to 1.5; for `mini` alone."""

    def __post_init__(self) -> None:
        if not 0 < self.weight <= 1e6:
            raise ConfigError(f"The weight of the prior {self.name} is {self.weight:g}. Give a number above 0.")
        if not 0 <= self.roundness <= 1.5:
            raise ConfigError(f"roundness is {self.roundness:g}. Give a number from 0 to 1.5.")
        if self.path is not None and self.is_place:
            raise ConfigError(
                f"--prior-path goes with the name of a prior, not with {self.name}. Give the folder or hub id itself "
                "with --prior."
            )

    @property
    def is_place(self) -> bool:
        """Whether the name is a folder or a hub id."""
        return "/" in self.name

    @property
    def place(self) -> str | None:
        """The folder, file or hub id to take the weights from; None: the published places."""
        return self.name if self.is_place else self.path

    @classmethod
    def parse(cls, words: str) -> "PriorSettings":
        """The inverse of `str`: NAME or NAME:WEIGHT. Raises ConfigError for anything else."""
        name, colon, weight = words.rpartition(":")
        try:
            return cls(name, float(weight)) if colon else cls(words)
        except ValueError:
            return cls(words)  # a path with a colon

    def __str__(self) -> str:
        return self.name if self.weight == 1 else f"{self.name}:{self.weight:g}"


PriorFlag = Annotated[PriorSettings, one_word(PriorSettings, PriorSettings.parse, "NAME|ID|FOLDER[:WEIGHT]")]
"""As the command line reads it."""


@dataclass(frozen=True)
class HubSettings:
    """Choices that only networks from the hub know; what comes with the package has no use for them."""

    encoder: Encoder = "exact"
    """How images become latents in stage 1. `exact`: through the prior's own autoencoder and back through its true
    gradient. `linear`: through it, and back through a linear map from colours to latents, which knows no texture (half
    the autoencoder's time). `tiny`: through TAESD, a distilled autoencoder of 10 MB (a tenth of the time)."""
    encoder_path: str | None = None
    """Folder or hub id of the tiny encoder; none given: the published place."""
    text_to_image_path: str | None = None
    """Folder, file or hub id of the weights of the text-to-image model of `--via-image`; none given: the published
    place."""
    text_to_image_lora: tuple[str, ...] = ()
    """As `lora`, for the text-to-image model."""
    captioner_path: str | None = None
    """Folder or hub id of the model behind `--prompt auto`; none given: the published place."""
    lora: tuple[str, ...] = ()
    """Files of low-rank changes to the priors' weights (LoRA), each as FILE or FILE:SCALE."""
    compile: bool = False
    """Compile the network: slow at first and faster then, by torch's own compiler (on a CPU it needs a C++ one)."""
    offload: bool = False
    """For small graphics cards: the large networks' weights wait in the CPU's memory and come layer by layer as they
    run. Slower."""

    def __post_init__(self) -> None:
        if self.compile and self.offload:
            raise ConfigError("hub.compile needs the whole network on the device, and hub.offload keeps it away.")
