"""The priors from the hub by name: what each sees, and how it is opened."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

import torch

from dreamgaussian.errors import ConfigError, WeightsUnavailable
from dreamgaussian.guidance import CameraDomain, PriorSpec
from dreamgaussian.guidance.hub import locate, recognise
from dreamgaussian.guidance.manifest import Manifest, manifest
from dreamgaussian.guidance.perp_neg import VIEW_NAMES
from dreamgaussian.hub_settings import HubSettings
from dreamgaussian.subject import Subject

if TYPE_CHECKING:
    from dreamgaussian.guidance.checkpoint import Checkpoint
    from dreamgaussian.guidance.latent import LatentDiffusion, LatentSpace

Opener = Callable[[PriorSpec, "Checkpoint", Subject, torch.device], "LatentDiffusion"]

_LIBRARIES = ("diffusers", "transformers", "huggingface_hub")
_TEXT_RADIUS = 2.5
"""Of the camera of text and multi-view priors in the paper (section 4.1)."""


@dataclass(frozen=True)
class Entry:
    """A prior of the catalogue."""

    spec: PriorSpec
    opener: Callable[[], Opener]
    """Gives the function that opens it; only this loads diffusers and transformers."""


def open_from_hub(
    name: str,
    subject: Subject,
    device: torch.device,
    path: str | None = None,
    settings: HubSettings = HubSettings(),
    *,
    option: str = Manifest.option,
) -> "LatentDiffusion":
    """The prior called `name` from the hub, or from the folder, file or hub id `path`, conditioned on the subject.

    `option` is the flag that `path` was given with, for messages.

    Raises WeightsUnavailable, and ConfigError where the subject lacks the picture or the words that the prior needs.
    """
    entry = CATALOGUE[name]
    checkpoint, encoder = fetch(name, path, settings, option)
    prior = entry.opener()(entry.spec, checkpoint, subject, device)
    if settings.compile:
        prior = replace(prior, unet=torch.compile(prior.unet))
    return replace(prior, latents=_with_encoder(prior.latents, encoder, settings, device))


def fetch(
    name: str, path: str | None, settings: HubSettings, option: str = Manifest.option
) -> "tuple[Checkpoint, Checkpoint | None]":
    """The prior's checkpoint on this machine, and its tiny encoder's where one is wanted; downloaded where they aren't.

    Raises WeightsUnavailable, and ConfigError for settings that the prior cannot follow, before anything is downloaded.
    """
    from dreamgaussian.guidance.encoders import TINY_IDS, check_linear
    from dreamgaussian.guidance.lora import parse, with_loras
    from dreamgaussian.guidance.offload import Offloaded

    require_libraries(name)
    if settings.encoder == "linear":
        check_linear(_autoencoder(name))
    for lora in settings.lora:
        parse(lora)
    checkpoint = with_loras(find_checkpoint(name, path, option), settings.lora)
    if settings.offload:
        checkpoint = Offloaded(checkpoint)
    if settings.encoder != "tiny":
        return checkpoint, None
    return checkpoint, find_checkpoint(TINY_IDS[_autoencoder(name)], settings.encoder_path, "--hub.encoder-path")


def _with_encoder(
    space: "LatentSpace", encoder: "Checkpoint | None", settings: HubSettings, device: torch.device
) -> "LatentSpace":
    from dreamgaussian.guidance.encoders import LinearGradient, TinyEncoder, load_tiny

    if encoder is not None:
        return TinyEncoder(space.vae, space.scale, tiny=load_tiny(encoder, device))
    return LinearGradient(space.vae, space.scale) if settings.encoder == "linear" else space


def _autoencoder(name: str) -> str:
    return manifest(name).components["vae"].network


def known_name(name: str) -> str:
    """The name itself, or that of the prior whose files a folder or hub id holds.

    Raises ConfigError for an unknown name, WeightsUnavailable for a place that is no known prior's.
    """
    if name in CATALOGUE:
        return name
    if "/" in name:
        return recognise(name)
    raise ConfigError(f"No prior is called {name!r}. There are: {', '.join(['mini', *CATALOGUE])}.")


def find_checkpoint(name: str, path: str | None, option: str = Manifest.option) -> "Checkpoint":
    """The prior's checkpoint on this machine; downloaded where it isn't. Raises WeightsUnavailable."""
    from dreamgaussian.guidance.checkpoint import DiffusersFolder
    from dreamgaussian.guidance.single_file import SingleFile

    if path is not None and Path(path).expanduser().is_file():
        return SingleFile.opened(Path(path).expanduser(), manifest(name, option))
    return DiffusersFolder.fetched(locate(manifest(name, option), path))


def require_libraries(name: str) -> None:
    """Raises WeightsUnavailable where the libraries that the hub's priors are built with are not installed."""
    if missing := [library for library in _LIBRARIES if find_spec(library) is None]:
        raise WeightsUnavailable(
            f"The prior {name} needs {' and '.join(missing)}: pip install 'dreamgaussian[hub]'. The embedded prior, "
            "mini, needs nothing."
        )


def _zero123() -> Opener:
    from dreamgaussian.guidance.zero123 import open_zero123

    return partial(open_zero123, absolute_polar=False)


def _stable_zero123() -> Opener:
    from dreamgaussian.guidance.zero123 import open_zero123

    return partial(open_zero123, absolute_polar=True)


def _stable_diffusion() -> Opener:
    from dreamgaussian.guidance.stable_diffusion import open_stable_diffusion

    return open_stable_diffusion


def _sdxl() -> Opener:
    from dreamgaussian.guidance.stable_diffusion import open_sdxl

    return open_sdxl


def _multiview() -> Opener:
    from dreamgaussian.guidance.multiview import open_multiview

    return open_multiview


def _picture_spec(name: str) -> PriorSpec:
    return PriorSpec(name, resolution=256, background=1.0, random_background=True, guidance_scale=5.0)


def _text_spec(name: str, resolution: int) -> PriorSpec:
    return PriorSpec(
        name,
        resolution,
        background=1.0,
        random_background=True,
        domain=CameraDomain(radius=_TEXT_RADIUS),
        guidance_scale=100.0,
        conditions=("conditional", "between views", "unconditional", "negative", *VIEW_NAMES),
    )


def _multiview_spec(name: str, elevation_range_deg: tuple[float, float], guidance_scale: float) -> PriorSpec:
    return PriorSpec(
        name,
        resolution=256,
        background=1.0,
        random_background=True,
        views_per_sample=4,
        view_spacing_deg=90.0,
        domain=CameraDomain(radius=_TEXT_RADIUS, elevation_range_deg=elevation_range_deg),
        guidance_scale=guidance_scale,
        weighting="uniform",
    )


CATALOGUE = {
    "zero123": Entry(_picture_spec("zero123"), _zero123),
    "zero123-xl": Entry(_picture_spec("zero123-xl"), _zero123),
    "stable-zero123": Entry(_picture_spec("stable-zero123"), _stable_zero123),
    "stable-diffusion": Entry(_text_spec("stable-diffusion", 512), _stable_diffusion),
    "stable-diffusion-1.5": Entry(_text_spec("stable-diffusion-1.5", 512), _stable_diffusion),
    "sdxl": Entry(_text_spec("sdxl", 1024), _sdxl),
    # Elevations of training: configs/mvdream-sd21.yaml and imagedream-sd21-shading.yaml of bytedance/ImageDream.
    "mvdream": Entry(_multiview_spec("mvdream", (0.0, 30.0), 100.0), _multiview),
    "imagedream": Entry(_multiview_spec("imagedream", (0.0, 5.0), 5.0), _multiview),
}
"""Guidance scales and weightings are those of the paper's code."""
