"""How a prior's checkpoint from the hub is found, loaded and made a prior."""

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

import torch

from dreamgaussian.core.errors import WeightsUnavailable
from dreamgaussian.guidance.spec import PriorSpec
from dreamgaussian.inputs.subject import Subject
from dreamgaussian.priors.hub import locate
from dreamgaussian.priors.published import Published, published
from dreamgaussian.priors.registry import PriorRecord
from dreamgaussian.priors.settings import HubSettings

if TYPE_CHECKING:
    from dreamgaussian.priors.checkpoint import Checkpoint
    from dreamgaussian.priors.latent import LatentDiffusion, LatentSpace

Opener = Callable[[PriorSpec, "Checkpoint", Subject, torch.device], "LatentDiffusion"]

_LIBRARIES = ("accelerate", "diffusers", "transformers", "huggingface_hub")


def open_from_hub(
    record: PriorRecord,
    subject: Subject,
    device: torch.device,
    path: str | None = None,
    settings: HubSettings = HubSettings(),
    *,
    option: str = Published.option,
) -> "LatentDiffusion":
    """The prior of the record from the hub, or from the folder, file or hub id `path`, conditioned on the subject.

    `option` is the flag that `path` was given with, for messages.

    Raises WeightsUnavailable, and ConfigError where the subject lacks the image or the words that the prior needs.
    """
    checkpoint, encoder = fetch(record.name, path, settings, option)
    prior = open_checkpoint(record, checkpoint, subject, device)
    if settings.compile:
        prior = replace(prior, unet=torch.compile(prior.unet))
    return replace(prior, latents=_with_encoder(prior.latents, encoder, settings, device))


def open_checkpoint(
    record: PriorRecord, checkpoint: "Checkpoint", subject: Subject, device: torch.device
) -> "LatentDiffusion":
    """The prior of the record with a checkpoint's weights, conditioned on the subject."""
    return replace(_opener(record.name)(record.spec, checkpoint, subject, device), suggested=record.suggested)


def _opener(name: str) -> Opener:
    """Only this loads diffusers and transformers."""
    from dreamgaussian.priors.multiview import open_multiview
    from dreamgaussian.priors.stable_diffusion import open_sdxl, open_stable_diffusion
    from dreamgaussian.priors.zero123 import open_zero123

    openers: dict[str, Opener] = {
        "zero123": partial(open_zero123, absolute_polar=False),
        "zero123-xl": partial(open_zero123, absolute_polar=False),
        "stable-zero123": partial(open_zero123, absolute_polar=True),
        "stable-diffusion": open_stable_diffusion,
        "stable-diffusion-1.5": open_stable_diffusion,
        "sdxl": open_sdxl,
        "mvdream": open_multiview,
        "imagedream": open_multiview,
    }
    return openers[name]


def fetch(
    name: str, path: str | None, settings: HubSettings, option: str = Published.option
) -> "tuple[Checkpoint, Checkpoint | None]":
    """The prior's checkpoint on this machine, and its tiny encoder's where one is wanted; downloaded where they aren't.

    Raises WeightsUnavailable, and ConfigError for settings that the prior cannot follow, before anything is downloaded.
    """
    require_libraries(name)
    from dreamgaussian.priors.encoders import check_linear
    from dreamgaussian.priors.lora import parse, with_loras

    if settings.encoder == "linear":
        check_linear(published(name))
    for lora in settings.lora:
        parse(lora)
    checkpoint = with_loras(find_checkpoint(name, path, option), settings.lora)
    checkpoint = replace(checkpoint, offload=settings.offload)
    if settings.encoder != "tiny":
        return checkpoint, None
    return checkpoint, find_checkpoint(published(name).tiny_encoder, settings.encoder_path, "--hub.encoder-path")


def _with_encoder(
    space: "LatentSpace", encoder: "Checkpoint | None", settings: HubSettings, device: torch.device
) -> "LatentSpace":
    from dreamgaussian.priors.encoders import LinearGradient, TinyEncoder, load_tiny

    if encoder is not None:
        return TinyEncoder(space.vae, space.scale, tiny=load_tiny(encoder, device))
    return LinearGradient(space.vae, space.scale) if settings.encoder == "linear" else space


def find_checkpoint(name: str, path: str | None, option: str = Published.option) -> "Checkpoint":
    """The prior's checkpoint on this machine; downloaded where it isn't. Raises WeightsUnavailable."""
    from dreamgaussian.priors.checkpoint import DiffusersFolder, SingleFile

    if path is not None and Path(path).expanduser().is_file():
        return SingleFile.opened(Path(path).expanduser(), published(name, option))
    return DiffusersFolder.fetched(locate(published(name, option), path))


def require_libraries(name: str) -> None:
    """Raises WeightsUnavailable where the libraries that the hub's priors are built with are not installed."""
    if missing := [library for library in _LIBRARIES if find_spec(library) is None]:
        raise WeightsUnavailable(
            f"The prior {name} needs {' and '.join(missing)}: pip install 'dreamgaussian[hub]'. The embedded prior, "
            "mini, needs nothing."
        )
