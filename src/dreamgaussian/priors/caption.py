"""Words for an image, from BLIP (arXiv 2201.12086; BSD-3): what `--prompt auto` stands for."""

from collections.abc import Callable, Sequence

import torch
from jaxtyping import Float
from torch import Tensor

from dreamgaussian.priors.checkpoint import DiffusersFolder
from dreamgaussian.priors.clip import CLIP_MEAN, CLIP_STD
from dreamgaussian.priors.from_hub import require_libraries
from dreamgaussian.priors.hub import locate
from dreamgaussian.priors.latent import over_white
from dreamgaussian.priors.published import published
from dreamgaussian.priors.settings import HubSettings

_BEAMS, _MIN_TOKENS, _MAX_TOKENS = 3, 5, 20
"""Of the search for words: configs/nocaps.yaml of github.com/salesforce/BLIP."""

Captioner = Callable[[Tensor], str]


def open_captioner(device: torch.device, hub: HubSettings = HubSettings()) -> Captioner:
    """Gives words for an RGBA image [h, w, 4]. Raises WeightsUnavailable."""
    require_libraries("caption model")
    from transformers import BlipForConditionalGeneration

    checkpoint = DiffusersFolder.fetched(locate(published("blip", "--hub.captioner-path"), hub.captioner_path))
    network = checkpoint.load("captioner", BlipForConditionalGeneration, dtype=torch.float32, device=device)
    vocabulary = (checkpoint.root / "vocab.txt").read_text(encoding="utf-8").splitlines()
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
