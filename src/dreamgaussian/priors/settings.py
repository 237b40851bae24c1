"""How priors from the hub are loaded and run. No torch here."""

from dataclasses import dataclass
from typing import Literal

from dreamgaussian.core.errors import ConfigError

Encoder = Literal["exact", "linear", "tiny"]


@dataclass(frozen=True)
class HubSettings:
    """Choices that only priors from the hub know; `mini` has no use for them."""

    encoder: Encoder = "exact"
    """How images become latents in stage 1. `exact`: through the prior's own autoencoder and back through its true
    gradient. `linear`: through it, and back through a linear map from colours to latents, which knows no texture (half
    the autoencoder's time). `tiny`: through TAESD, a distilled autoencoder of 10 MB (a tenth of the time)."""
    encoder_path: str | None = None
    """A folder or hub id of the tiny encoder; none given: the published place."""
    painter_path: str | None = None
    """A folder, file or hub id of the weights that `--via-image` paints with; none given: the published place."""
    painter_lora: tuple[str, ...] = ()
    """As `lora`, for the painter."""
    captioner_path: str | None = None
    """A folder or hub id of the model behind `--prompt auto`; none given: the published place."""
    lora: tuple[str, ...] = ()
    """Files of low-rank changes to the weights (LoRA), each as FILE or FILE:SCALE."""
    compile: bool = False
    """Compile the network: slow at first and faster then, by torch's own compiler (on a CPU it needs a C++ one)."""
    offload: bool = False
    """For small graphics cards: the large networks' weights wait in the CPU's memory and come layer by layer as they
    run. Slower."""

    def __post_init__(self) -> None:
        if self.compile and self.offload:
            raise ConfigError("hub.compile needs the whole network on the device, and hub.offload keeps it away.")
