"""Blocks that both networks are made of.

Everything runs channels-last and under bfloat16 autocast where the processor has it.
"""

from collections.abc import Sequence
from itertools import pairwise

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

GROUPS = 8
HEAD = 64
"""Channels of an attention head."""


class ResidualBlock(nn.Module):
    """Two convolutions, the second after a normalisation whose scale and shift follow an embedding."""

    def __init__(self, channels_in: int, channels_out: int, embedding: int) -> None:
        super().__init__()
        self.norm_in = nn.GroupNorm(GROUPS, channels_in)
        self.conv_in = nn.Conv2d(channels_in, channels_out, 3, padding=1)
        self.modulation = nn.Linear(embedding, 2 * channels_out)
        self.norm_out = nn.GroupNorm(GROUPS, channels_out)
        self.conv_out = nn.Conv2d(channels_out, channels_out, 3, padding=1)
        self.skip = nn.Conv2d(channels_in, channels_out, 1) if channels_in != channels_out else nn.Identity()
        nn.init.zeros_(self.conv_out.weight)

    def forward(self, x: Float[Tensor, "b c h w"], embedding: Float[Tensor, "b e"]) -> Float[Tensor, "b d h w"]:
        """Residual update of x."""
        scale, shift = self.modulation(embedding)[:, :, None, None].chunk(2, dim=1)
        h = self.conv_in(F.silu(self.norm_in(x)))
        h = self.norm_out(h) * (1 + scale) + shift
        return self.skip(x) + self.conv_out(F.silu(h))


class Attention(nn.Module):
    """Attention of every place to every place, and to further tokens where there are some."""

    def __init__(self, channels: int, tokens: int = 0) -> None:
        super().__init__()
        self.norm = nn.GroupNorm(GROUPS, channels)
        self.qkv = nn.Linear(channels, 3 * channels)
        self.token_kv = nn.Linear(tokens, 2 * channels) if tokens else None
        self.out = nn.Linear(channels, channels)
        nn.init.zeros_(self.out.weight)

    def forward(
        self, x: Float[Tensor, "b c h w"], tokens: Float[Tensor, "b n token"] | None = None
    ) -> Float[Tensor, "b c h w"]:
        """Residual update of x."""
        b, c, h, w = x.shape
        q, k, v = self.qkv(self.norm(x).flatten(2).transpose(1, 2)).chunk(3, dim=-1)
        if self.token_kv is not None and tokens is not None:
            token_k, token_v = self.token_kv(tokens).chunk(2, dim=-1)
            k, v = torch.cat([k, token_k], dim=1), torch.cat([v, token_v], dim=1)
        q, k, v = (part.view(b, -1, c // HEAD, HEAD).transpose(1, 2) for part in (q, k, v))
        mixed = F.scaled_dot_product_attention(q, k, v).transpose(1, 2).reshape(b, h * w, c)
        return x + self.out(mixed).transpose(1, 2).reshape(b, c, h, w)


class Blocks(nn.ModuleList):
    """Residual blocks in a row, optionally each with attention."""

    def __init__(self, channels: Sequence[int], embedding: int, *, attention: bool = False, tokens: int = 0) -> None:
        super().__init__(
            nn.ModuleList([ResidualBlock(c_in, c_out, embedding)] + ([Attention(c_out, tokens)] if attention else []))
            for c_in, c_out in pairwise(channels)
        )

    def forward(
        self,
        x: Float[Tensor, "b c h w"],
        embedding: Float[Tensor, "b e"],
        tokens: Float[Tensor, "b n token"] | None = None,
    ) -> Float[Tensor, "b d h w"]:
        """All blocks, one after the other."""
        for residual, *attention in self:  # pyright: ignore
            x = residual(x, embedding)
            for layer in attention:
                x = layer(x, tokens)
        return x


def autocast(device: torch.device) -> torch.autocast:
    """bfloat16, unless the device is a processor that has no instructions for it: there it is many times slower."""
    fast = device.type != "cpu" or torch.ops.mkldnn._is_mkldnn_bf16_supported()
    return torch.autocast(device.type, torch.bfloat16, enabled=fast)


def pixel_coordinates(like: Float[Tensor, "b c h w"]) -> Float[Tensor, "b 2 h w"]:
    """Where each place lies in the image, in [-1, 1]."""
    rows = torch.linspace(-1, 1, like.shape[2]).to(like)
    columns = torch.linspace(-1, 1, like.shape[3]).to(like)
    grid = torch.stack(torch.meshgrid(rows, columns, indexing="ij"))
    return grid.expand(len(like), -1, -1, -1)


def angle_features(*angles: Float[Tensor, " b"]) -> Float[Tensor, "b f"]:
    """Sines and cosines of angles in radians, and of their doubles."""
    waves = [wave(k * angle) for angle in angles for k in (1, 2) for wave in (torch.sin, torch.cos)]
    return torch.stack(waves, dim=1)
