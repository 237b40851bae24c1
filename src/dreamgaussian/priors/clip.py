"""CLIP's encoders of prompts and images; each runs once, in full precision, and is then let go."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

from dreamgaussian.priors.checkpoint import Checkpoint

CLIP_MEAN = (0.48145466, 0.4578275, 0.40821073)
CLIP_STD = (0.26862954, 0.26130258, 0.27577711)
"""Of CLIP's training images (github.com/openai/CLIP, clip/clip.py)."""
_SIDE = 224


@dataclass(frozen=True, eq=False)
class PromptEmbedding:
    """A prompt, encoded."""

    tokens: Float[Tensor, "tokens width"]
    pooled: Float[Tensor, " pooled"] | None = None
    """One vector for the whole, where the UNet asks for it."""


def mixed(parts: Sequence[tuple[PromptEmbedding, float]]) -> PromptEmbedding:
    """Encoded prompts added up with weights."""
    pooled = [weight * prompt.pooled for prompt, weight in parts if prompt.pooled is not None]
    tokens = torch.stack([weight * prompt.tokens for prompt, weight in parts]).sum(0)
    return PromptEmbedding(tokens, torch.stack(pooled).sum(0) if pooled else None)


def embed_prompts(checkpoint: Checkpoint, prompts: Sequence[str], device: torch.device) -> dict[str, PromptEmbedding]:
    """Each prompt's last hidden states, padded or cut to the encoder's length (77 tokens)."""
    states = _encode(checkpoint, "text_encoder", "tokenizer", prompts, device).last_hidden_state
    return {prompt: PromptEmbedding(tokens) for prompt, tokens in zip(prompts, states, strict=True)}


def embed_pooled_prompt(checkpoint: Checkpoint, prompt: str, device: torch.device) -> Float[Tensor, " width"]:
    """One vector for the whole prompt: the last hidden state at its end, not projected."""
    return _encode(checkpoint, "text_encoder", "tokenizer", [prompt], device).pooler_output[0]


def embed_sdxl_prompts(
    checkpoint: Checkpoint, prompts: Sequence[str], device: torch.device
) -> dict[str, PromptEmbedding]:
    """Each prompt's hidden states before the last layer of two encoders, side by side, and the second's projection.

    So SDXL has it: arXiv 2307.01952, section 2.1.
    """
    first = _encode(checkpoint, "text_encoder", "tokenizer", prompts, device).hidden_states[-2]
    second = _encode(checkpoint, "text_encoder_2", "tokenizer_2", prompts, device, projected=True)
    tokens = torch.cat([first, second.hidden_states[-2]], dim=-1)
    return {prompt: PromptEmbedding(*both) for prompt, *both in zip(prompts, tokens, second.text_embeds, strict=True)}


def embed_sd3_prompts(
    checkpoint: Checkpoint, prompts: Sequence[str], device: torch.device
) -> dict[str, PromptEmbedding]:
    """The same hidden states, and the projections of both encoders side by side.

    So Stable Diffusion 3 has it: arXiv 2403.03206, section 4.
    """
    first = _encode(checkpoint, "text_encoder", "tokenizer", prompts, device, projected=True)
    second = _encode(checkpoint, "text_encoder_2", "tokenizer_2", prompts, device, projected=True)
    tokens = torch.cat([first.hidden_states[-2], second.hidden_states[-2]], dim=-1)
    pooled = torch.cat([first.text_embeds, second.text_embeds], dim=-1)
    return {prompt: PromptEmbedding(*both) for prompt, *both in zip(prompts, tokens, pooled, strict=True)}


def _encode(
    checkpoint: Checkpoint,
    component: str,
    tokenizer_folder: str,
    prompts: Sequence[str],
    device: torch.device,
    *,
    projected: bool = False,
) -> Any:
    from transformers import CLIPTextModel, CLIPTextModelWithProjection, CLIPTokenizer

    tokenizer: Any = CLIPTokenizer.from_pretrained(str(checkpoint.tokenizer(tokenizer_folder)), local_files_only=True)
    kind = CLIPTextModelWithProjection if projected else CLIPTextModel
    encoder = checkpoint.load(component, kind, dtype=torch.float32, device=device)
    length = encoder.config.max_position_embeddings
    tokens = tokenizer(list(prompts), padding="max_length", max_length=length, truncation=True, return_tensors="pt")
    with torch.no_grad():
        return encoder(tokens.input_ids.to(device), output_hidden_states=True)


def embed_images(
    checkpoint: Checkpoint,
    images: Float[Tensor, "n 3 h w"],
    device: torch.device,
    *,
    output: Literal["projected", "penultimate"],
    antialias: bool,
) -> Float[Tensor, "n tokens width"]:
    """Each image's one projected token, or all its tokens before the encoder's last layer."""
    from transformers import CLIPVisionModel, CLIPVisionModelWithProjection

    kind = CLIPVisionModelWithProjection if output == "projected" else CLIPVisionModel
    encoder = checkpoint.load("image_encoder", kind, dtype=torch.float32, device=device)
    pixels = clip_pixels(images, antialias=antialias).to(device)
    with torch.no_grad():
        if output == "projected":
            return encoder(pixels).image_embeds[:, None]
        return encoder(pixels, output_hidden_states=True).hidden_states[-2]


def clip_pixels(images: Float[Tensor, "n 3 h w"], *, antialias: bool) -> Float[Tensor, "n 3 224 224"]:
    """Images in [0, 1] as CLIP sees them: bicubic, normalised.

    With `antialias` as OpenAI's and transformers' preprocessing; without, and with corners aligned, as Zero123 was
    trained (kornia.geometry.resize in FrozenCLIPImageEmbedder, github.com/cvlab-columbia/zero123).
    """
    size = (_SIDE, _SIDE)
    resized = F.interpolate(images, size, mode="bicubic", antialias=antialias, align_corners=not antialias)
    if antialias:
        resized = resized.clamp(0, 1)
    mean, std = (torch.tensor(values).to(images)[:, None, None] for values in (CLIP_MEAN, CLIP_STD))
    return (resized - mean) / std
