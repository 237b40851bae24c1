"""From words to an image, where a run has no other: its subject is then made of that image like any user's.

A painter behind this seam is chosen by `--via-image`.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

import torch

from dreamgaussian.core.errors import ConfigError
from dreamgaussian.inputs.decoding import DecodedImage, PosedInput
from dreamgaussian.priors.settings import HubSettings

if TYPE_CHECKING:
    from dreamgaussian.priors.checkpoint import Checkpoint

FLOWS = ("sd3.5", "flux-schnell")
"""Painters that are no priors."""
PAINTERS = ("library", "stable-diffusion", "stable-diffusion-1.5", "sdxl", *FLOWS)
"""Names that `open_painter` knows."""


PLACE = "--hub.painter-path"
"""The flag that names another place for a painter's weights."""


@dataclass(frozen=True, eq=False)
class Painting:
    """An image that was made, or images that were found, for words."""

    image: DecodedImage
    """Of one object; with or without a background."""
    elevation_deg: float | None = None
    """From which the image shows it; None: not known, so that the settings of the subject say it."""
    facts: Mapping[str, Any] = field(default_factory=dict[str, Any])
    """How it came about, in values that go into run.json."""
    further: tuple[PosedInput, ...] = ()
    """The same thing from other sides, by one camera that kept its distance."""


@runtime_checkable
class Painter(Protocol):
    """Makes an image from words."""

    def __call__(self, prompt: str, negative_prompt: str, generator: torch.Generator) -> Painting:
        """Equal words and an equally seeded CPU generator give an equal image on one machine.

        Raises InputError for words that it cannot make an image of.
        """
        ...


def open_painter(name: str, device: torch.device, hub: HubSettings = HubSettings()) -> Painter:
    """The painter called `name`; `hub` is for those whose weights come from there.

    Raises ConfigError for an unknown name, WeightsUnavailable where its weights are not to be had. No painter ever
    stands in for another.
    """
    if name == "library":
        from dreamgaussian.text_to_image.library import open_library

        return open_library()
    if name in PAINTERS:
        return _open_from_hub(name, device, hub)
    raise ConfigError(f"No painter is called {name!r}. There are: {', '.join(PAINTERS)}.")


def _open_from_hub(name: str, device: torch.device, hub: HubSettings) -> Painter:
    from dreamgaussian.priors.lora import with_loras
    from dreamgaussian.priors.registry import CATALOGUE, find_checkpoint, require_libraries

    require_libraries(name)
    checkpoint = with_loras(find_checkpoint(name, hub.painter_path, PLACE), hub.painter_lora, "--hub.painter-lora")
    if name in CATALOGUE:
        from dreamgaussian.text_to_image.diffusion import DiffusionPainter

        return DiffusionPainter(name, device, hub)
    from dreamgaussian.priors.offload import Offloaded

    return flow_painter(name, Offloaded(checkpoint) if hub.offload else checkpoint, device)


def flow_painter(name: str, checkpoint: "Checkpoint", device: torch.device) -> Painter:
    """The painter called `name`, one of those that are no priors, with a checkpoint of it."""
    from dreamgaussian.text_to_image.flow import FlowPainter
    from dreamgaussian.text_to_image.flux import FluxPainter

    return (FluxPainter if name == "flux-schnell" else FlowPainter)(checkpoint, device)
