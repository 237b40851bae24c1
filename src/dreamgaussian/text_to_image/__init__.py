"""From words to an image, where a run has no other: its subject is then made of that image like any user's.

A model behind this seam is chosen by `--via-image`, or handed to a run: `text_to_3d("a cat", text_to_image=MyModel())`.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

import torch

from dreamgaussian.core.errors import ConfigError
from dreamgaussian.inputs.decoding import DecodedImage, PosedInput
from dreamgaussian.priors.settings import HubSettings

if TYPE_CHECKING:
    from dreamgaussian.priors.checkpoint import Checkpoint

PLACE = "--hub.text-to-image-path"
"""The flag that names another place for a model's weights."""


@dataclass(frozen=True, eq=False)
class GeneratedImage:
    """An image that was made, or images that were found, for words."""

    image: DecodedImage
    """Of one object; with or without a background."""
    elevation_deg: float | None = None
    """From which the image shows it; None: not known, so that the settings of the subject say it."""
    metadata: Mapping[str, Any] = field(default_factory=dict[str, Any])
    """How it came about, in values that go into run.json."""
    further: tuple[PosedInput, ...] = ()
    """The same thing from other sides, by one camera that kept its distance."""


@runtime_checkable
class TextToImage(Protocol):
    """Makes an image of words. A run by words alone calls it once, before its prior is opened.

    def draw(prompt, negative_prompt, generator):
        return GeneratedImage(DecodedImage(my_network(prompt, generator), scale=1.0, name=prompt))

    dg.text_to_3d("a cat", text_to_image=draw)
    """

    def __call__(self, prompt: str, negative_prompt: str, generator: torch.Generator) -> GeneratedImage:
        """The image. Equal words and an equally seeded CPU generator give an equal image on one machine.

        Raises InputError for words that it cannot make an image of.
        """
        ...


def open_text_to_image(name: str, device: torch.device, hub: HubSettings = HubSettings()) -> TextToImage:
    """The model called `name`; `hub` is for those whose weights come from there. No model ever stands in for another.

    Raises ConfigError for an unknown name, WeightsUnavailable where its weights are not to be had.
    """
    if name not in TEXT_TO_IMAGE_MODELS:
        raise ConfigError(f"No text-to-image model is called {name!r}. There are: {', '.join(TEXT_TO_IMAGE_MODELS)}.")
    return TEXT_TO_IMAGE_MODELS[name](device, hub)


def generate_image(
    model: TextToImage | str,
    prompt: str,
    negative_prompt: str,
    seed: int,
    device: torch.device,
    hub: HubSettings = HubSettings(),
) -> GeneratedImage:
    """The image of the words, by a model or by that of a name (`open_text_to_image`)."""
    if isinstance(model, str):
        model = open_text_to_image(model, device, hub)
    return model(prompt, negative_prompt, torch.Generator().manual_seed(seed))


def _open_library(device: torch.device, hub: HubSettings) -> TextToImage:
    from dreamgaussian.text_to_image.library import open_library

    return open_library()


def _open_diffusion(name: str, device: torch.device, hub: HubSettings) -> TextToImage:
    from dreamgaussian.text_to_image.diffusion import DiffusionTextToImage

    _fetch(name, hub)
    return DiffusionTextToImage(name, device, hub)


def _open_flow(name: str, device: torch.device, hub: HubSettings) -> TextToImage:
    return flow_model(name, replace(_fetch(name, hub), offload=hub.offload), device)


def flow_model(name: str, checkpoint: "Checkpoint", device: torch.device) -> TextToImage:
    """The model called `name`, one of `FLOWS`, with a checkpoint of it."""
    from dreamgaussian.text_to_image.flow import FlowTextToImage
    from dreamgaussian.text_to_image.flux import FluxTextToImage

    return {"sd3.5": FlowTextToImage, "flux-schnell": FluxTextToImage}[name](checkpoint, device)


def _fetch(name: str, hub: HubSettings) -> "Checkpoint":
    from dreamgaussian.priors.from_hub import find_checkpoint, require_libraries
    from dreamgaussian.priors.lora import with_loras

    require_libraries(name)
    checkpoint = find_checkpoint(name, hub.text_to_image_path, PLACE)
    return with_loras(checkpoint, hub.text_to_image_lora, "--hub.text-to-image-lora")


FLOWS = ("sd3.5", "flux-schnell")
"""Models that are no priors."""
TEXT_TO_IMAGE_MODELS: Mapping[str, Callable[[torch.device, HubSettings], TextToImage]] = {
    "library": _open_library,
    **{name: partial(_open_diffusion, name) for name in ("stable-diffusion", "stable-diffusion-1.5", "sdxl")},
    **{name: partial(_open_flow, name) for name in FLOWS},
}
"""The function that opens each model."""
