"""`dreamgaussian prior`: the priors there are, and a look at one from the hub before it is needed."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from tyro.conf import Positional, subcommand

from dreamgaussian.core.errors import ConfigError
from dreamgaussian.priors.registry import HUB_PRIORS, prior_names

FLOWS = ("sd3.5", "flux-schnell")
"""Text-to-image models that are no priors."""
ENCODERS = ("taesd", "taesdxl")


@dataclass(frozen=True)
class CheckCommand:
    """Find, fetch and verify the files of a prior from the hub, and denoise one image with it."""

    name: Positional[str]
    """The prior, or what helps one: a text-to-image model for --via-image (sd3.5, flux-schnell), or a tiny encoder
    (taesd, taesdxl)."""
    prior_path: str | None = None
    """Folder, file or hub id to take the weights from."""
    image: Path = Path("prior-check.png")
    """Where the image that it makes goes."""
    device: str = "auto"
    """Where the network runs: auto, cpu, or a torch device."""
    offload: bool = False
    """For small graphics cards: the weights of large networks come to the device layer by layer."""

    def run(self) -> int:
        """Prints what it finds."""
        known = (*HUB_PRIORS, *FLOWS, *ENCODERS)
        if self.name not in known:
            raise ConfigError(f"There are no weights on the hub called {self.name!r}. There are: {', '.join(known)}.")
        from dreamgaussian.core.device import choose_device
        from dreamgaussian.priors.check import check
        from dreamgaussian.text_to_image.check_model import check_text_to_image

        look = check_text_to_image if self.name in FLOWS else check
        device = choose_device(self.device)
        for line in look(self.name, device, self.image, path=self.prior_path, offload=self.offload):
            print(line, flush=True)
        return 0


@dataclass(frozen=True)
class ListCommand:
    """List the priors, those of other packages included."""

    def run(self) -> int:
        """Prints a name a line."""
        print("\n".join(prior_names()))
        return 0


@dataclass(frozen=True)
class PriorCommand:
    """List the priors, or check one from the hub."""

    command: Annotated[ListCommand, subcommand("list")] | Annotated[CheckCommand, subcommand("check")]

    def run(self) -> int:
        """As the chosen command does."""
        return self.command.run()
