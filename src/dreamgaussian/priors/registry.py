"""The priors by name: what each sees, and how it is opened."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

import torch

from dreamgaussian.core.errors import ConfigError, WeightsUnavailable
from dreamgaussian.guidance.perp_neg import VIEW_NAMES
from dreamgaussian.guidance.prior import CameraDomain, Prior, PriorSpec
from dreamgaussian.inputs.subject import Subject
from dreamgaussian.priors.hub import locate, recognise
from dreamgaussian.priors.manifest import Manifest, manifest
from dreamgaussian.priors.settings import HubSettings

if TYPE_CHECKING:
    from dreamgaussian.priors.checkpoint import Checkpoint
    from dreamgaussian.priors.latent import LatentDiffusion, LatentSpace

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

    Raises WeightsUnavailable, and ConfigError where the subject lacks the image or the words that the prior needs.
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
    from dreamgaussian.priors.encoders import TINY_IDS, check_linear
    from dreamgaussian.priors.lora import parse, with_loras
    from dreamgaussian.priors.offload import Offloaded

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
    from dreamgaussian.priors.encoders import LinearGradient, TinyEncoder, load_tiny

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
    from dreamgaussian.priors.checkpoint import DiffusersFolder
    from dreamgaussian.priors.single_file import SingleFile

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
    from dreamgaussian.priors.zero123 import open_zero123

    return partial(open_zero123, absolute_polar=False)


def _stable_zero123() -> Opener:
    from dreamgaussian.priors.zero123 import open_zero123

    return partial(open_zero123, absolute_polar=True)


def _stable_diffusion() -> Opener:
    from dreamgaussian.priors.stable_diffusion import open_stable_diffusion

    return open_stable_diffusion


def _sdxl() -> Opener:
    from dreamgaussian.priors.stable_diffusion import open_sdxl

    return open_sdxl


def _multiview() -> Opener:
    from dreamgaussian.priors.multiview import open_multiview

    return open_multiview


def _image_spec(name: str) -> PriorSpec:
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
    "zero123": Entry(_image_spec("zero123"), _zero123),
    "zero123-xl": Entry(_image_spec("zero123-xl"), _zero123),
    "stable-zero123": Entry(_image_spec("stable-zero123"), _stable_zero123),
    "stable-diffusion": Entry(_text_spec("stable-diffusion", 512), _stable_diffusion),
    "stable-diffusion-1.5": Entry(_text_spec("stable-diffusion-1.5", 512), _stable_diffusion),
    "sdxl": Entry(_text_spec("sdxl", 1024), _sdxl),
    # Elevations of training: configs/mvdream-sd21.yaml and imagedream-sd21-shading.yaml of bytedance/ImageDream.
    "mvdream": Entry(_multiview_spec("mvdream", (0.0, 30.0), 100.0), _multiview),
    "imagedream": Entry(_multiview_spec("imagedream", (0.0, 5.0), 5.0), _multiview),
}
"""Guidance scales and weightings are those of the paper's code."""


def prior_spec(name: str) -> PriorSpec:
    """What the prior called `name` sees, or that of a folder or hub id; needs no weights.

    Raises ConfigError for an unknown name, WeightsUnavailable for a folder or id that is no known prior's.
    """
    if name == "mini":
        from dreamgaussian.priors.mini import SPEC

        return SPEC
    return CATALOGUE[known_name(name)].spec


def fetch_weights(name: str, path: str | None = None, hub: HubSettings = HubSettings()) -> None:
    """Sees to it that the weights of the prior called `name` are on this machine, before any work is done for it.

    Raises WeightsUnavailable where they are not to be had.
    """
    if name != "mini":
        known = known_name(name)
        fetch(known, path if known == name else name, hub)


def open_prior(
    name: str,
    subject: Subject,
    device: torch.device,
    path: str | None = None,
    *,
    roundness: float | None = None,
    hub: HubSettings = HubSettings(),
) -> Prior:
    """The prior called `name`, conditioned on the subject; `path` is a folder or a hub id to take its weights from.

    `name` may be such a folder or id itself, whose files then tell which prior it is. `roundness` is for `mini` alone:
    how strongly depth that the image does not show follows the outline's width; `hub` is for all others.

    Raises ConfigError for an unknown name and WeightsUnavailable where its weights are not to be had. No prior ever
    stands in for another.
    """
    if name == "mini":
        from dreamgaussian.priors.mini import open_mini

        return open_mini(subject, device, roundness=roundness)
    known = known_name(name)
    return open_from_hub(known, subject, device, path if known == name else name, hub)
