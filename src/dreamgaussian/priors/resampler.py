"""ImageDream's resampler: all of CLIP's tokens of an image, read into a few (arXiv 2204.14198, 2308.06721)."""

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

DEPTH, HEADS, HEAD_WIDTH = 4, 12, 64
"""Of the published ImageDream; its config does not tell them (mv_unet.py of github.com/ashawkey/mvdream_diffusers)."""
CLIP_H_WIDTH = 1280


class PerceiverAttention(nn.Module):
    """The few tokens read from the image's and from themselves."""

    def __init__(self, width: int) -> None:
        super().__init__()
        inner = HEADS * HEAD_WIDTH
        self.norm1, self.norm2 = nn.LayerNorm(width), nn.LayerNorm(width)
        self.to_q = nn.Linear(width, inner, bias=False)
        self.to_kv = nn.Linear(width, 2 * inner, bias=False)
        self.to_out = nn.Linear(inner, width, bias=False)

    def forward(self, x: Float[Tensor, "b m w"], latents: Float[Tensor, "b k w"]) -> Float[Tensor, "b k w"]:
        """What each latent reads."""
        x, latents = self.norm1(x), self.norm2(latents)
        key, value = self.to_kv(torch.cat([x, latents], dim=1)).chunk(2, dim=-1)
        query, key, value = (
            tokens.unflatten(2, (HEADS, -1)).transpose(1, 2) for tokens in (self.to_q(latents), key, value)
        )
        read = F.scaled_dot_product_attention(query, key, value)
        return self.to_out(read.transpose(1, 2).flatten(2))


class Resampler(nn.Module):
    """`count` learnt tokens that read the image layer by layer."""

    def __init__(self, image_width: int, width: int, count: int) -> None:
        super().__init__()
        self.latents = nn.Parameter(torch.zeros(1, count, width))
        self.proj_in = nn.Linear(image_width, width)
        self.proj_out = nn.Linear(width, width)
        self.norm_out = nn.LayerNorm(width)
        self.layers = nn.ModuleList(
            [nn.ModuleList([PerceiverAttention(width), _feed_forward(width)]) for _ in range(DEPTH)]
        )

    def forward(self, tokens: Float[Tensor, "b m p"]) -> Float[Tensor, "b k w"]:
        """The image in a few tokens of the context's width."""
        x = self.proj_in(tokens)
        latents = self.latents.expand(len(x), -1, -1)
        for layer in self.layers:
            attention, perceptron = layer.children()
            latents = latents + attention(x, latents)
            latents = latents + perceptron(latents)
        return self.norm_out(self.proj_out(latents))


def _feed_forward(width: int) -> nn.Sequential:
    hidden = 4 * width
    return nn.Sequential(
        nn.LayerNorm(width), nn.Linear(width, hidden, bias=False), nn.GELU(), nn.Linear(hidden, width, bias=False)
    )
