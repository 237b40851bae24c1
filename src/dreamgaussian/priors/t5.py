"""T5's encoder of words (arXiv 1910.10683), beside CLIP's in FLUX; it runs once and is then let go."""

import torch
from jaxtyping import Float
from torch import Tensor

from dreamgaussian.priors.checkpoint import Checkpoint

_PADDING = 0
"""Token of T5's padding, which FLUX lets take part in attention."""


def embed_t5_prompt(
    checkpoint: Checkpoint, prompt: str, length: int, device: torch.device
) -> Float[Tensor, "{length} width"]:
    """The prompt's last hidden states, padded or cut to `length` tokens, in bfloat16. Raises WeightsUnavailable."""
    from tokenizers import Tokenizer
    from transformers.models.t5.modeling_t5 import T5EncoderModel

    tokenizer = Tokenizer.from_file(str(checkpoint.tokenizer("tokenizer_2") / "tokenizer.json"))
    tokenizer.enable_truncation(length)
    tokenizer.enable_padding(length=length, pad_id=_PADDING)
    encoder = checkpoint.load("t5_encoder", T5EncoderModel, dtype=torch.bfloat16, device=device)
    tokens = torch.tensor([tokenizer.encode(prompt).ids], device=device)
    with torch.no_grad():
        return encoder(tokens).last_hidden_state[0]
