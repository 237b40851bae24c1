"""`dreamgaussian prior`: the priors there are, and a look at one from the hub before it is needed."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal, get_args

from tyro.conf import Positional, subcommand

from dreamgaussian.core.errors import ConfigError
from dreamgaussian.priors.choice import PriorName


@dataclass(frozen=True)
class CheckCommand:
    """Find, fetch and verify the files of a prior from the hub, and denoise one image with it."""

    name: Positional[PriorName | Literal["sd3.5", "flux-schnell", "taesd", "taesdxl"]]
    """The prior, or what helps one: a painter for --via-image, or a tiny encoder."""
    prior_path: str | None = None
    """A folder, file or hub id to take the weights from."""
    image: Path = Path("prior-check.png")
    """Where the image that it makes goes."""
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
        from dreamgaussian.pipeline import choose_device
        from dreamgaussian.priors.check import check
        from dreamgaussian.text_to_image import FLOWS
        from dreamgaussian.text_to_image.check import check_painter

        look = check_painter if self.name in FLOWS else check
        device = choose_device(self.device)
        for line in look(self.name, device, self.image, path=self.prior_path, offload=self.offload):
            print(line, flush=True)
        return 0


@dataclass(frozen=True)
class ListCommand:
    """List the priors."""

    debug: bool = False
    """Show the whole traceback of an error."""

    def run(self) -> int:
        """Prints a name a line."""
        print("\n".join(get_args(PriorName)))
        return 0


@dataclass(frozen=True)
class PriorCommand:
    """List the priors, or check one from the hub."""

    command: Annotated[ListCommand, subcommand("list")] | Annotated[CheckCommand, subcommand("check")]

    def run(self) -> int:
        """As the chosen command does."""
        return self.command.run()
