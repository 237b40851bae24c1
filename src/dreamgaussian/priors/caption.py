"""Words for an image, from BLIP (arXiv 2201.12086; BSD-3): what `--prompt auto` stands for."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor

from dreamgaussian.core.errors import WeightsUnavailable
from dreamgaussian.priors.checkpoint import Checkpoint, DiffusersFolder, shape_differences
from dreamgaussian.priors.clip import CLIP_MEAN, CLIP_STD, without_origin
from dreamgaussian.priors.from_hub import require_libraries
from dreamgaussian.priors.hub import locate
from dreamgaussian.priors.latent import over_white
from dreamgaussian.priors.manifest import manifest
from dreamgaussian.priors.settings import HubSettings

_COMPONENT = "captioner"
_TIED = "text_decoder.cls.predictions.decoder."
"""The same tensors as the words' embeddings and the predictions' bias; left out of some files."""
_BEAMS, _MIN_TOKENS, _MAX_TOKENS = 3, 5, 20
"""Of the search for words: configs/nocaps.yaml of github.com/salesforce/BLIP."""

Captioner = Callable[[Tensor], str]


def open_captioner(device: torch.device, hub: HubSettings = HubSettings()) -> Captioner:
    """Gives words for an RGBA image [h, w, 4]. Raises WeightsUnavailable."""
    require_libraries("caption model")
    checkpoint = DiffusersFolder.fetched(locate(manifest("blip", "--hub.captioner-path"), hub.captioner_path))
    vocab = checkpoint.files["vocab.txt"]
    network = _load(checkpoint, vocab.parent).to(device)
    vocabulary = vocab.read_text(encoding="utf-8").splitlines()
    side = network.config.vision_config.image_size

    def caption(image: Float[Tensor, "h w 4"]) -> str:
        mean, std = (torch.tensor(values)[:, None, None] for values in (CLIP_MEAN, CLIP_STD))
        pixels = ((over_white(image, side) - mean) / std)[None].to(device)
        options = {"num_beams": _BEAMS, "min_length": _MIN_TOKENS, "max_length": _MAX_TOKENS, "do_sample": False}
        with torch.no_grad():
            (tokens,) = network.generate(pixels, **options).tolist()
        return in_words(tokens, vocabulary)

    return caption


def in_words(tokens: Sequence[int], vocabulary: Sequence[str]) -> str:
    """The words of a WordPiece vocabulary's tokens: "##" goes on with a word, tokens in brackets are silent."""
    pieces = [vocabulary[token] for token in tokens if token < len(vocabulary)]
    spoken = " ".join(piece for piece in pieces if not (piece.startswith("[") and piece.endswith("]")))
    return spoken.replace(" ##", "")


def _load(checkpoint: Checkpoint, folder: Path) -> Any:
    """By transformers' own loader, which knows what is tied to what; strictly, all the same."""
    from transformers import BlipConfig, BlipForConditionalGeneration

    with torch.device("meta"):
        known = BlipForConditionalGeneration(BlipConfig(**without_origin(checkpoint.config(_COMPONENT)))).state_dict()
    shapes = [{name: tuple(tensor.shape) for name, tensor in known.items()}, checkpoint.shapes(_COMPONENT)]
    expected, found = ({name: each[name] for name in each if not name.startswith(_TIED)} for each in shapes)
    if differences := shape_differences(expected, found):
        raise WeightsUnavailable(
            f"{checkpoint.name} is no caption model: {differences}. Give BLIP's folder or hub id with "
            f"{checkpoint.option}."
        )
    network: Any = BlipForConditionalGeneration.from_pretrained(folder, local_files_only=True, weights_only=True)
    return network.eval().requires_grad_(False)
