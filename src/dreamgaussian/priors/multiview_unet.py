"""The UNet of MVDream (arXiv 2308.16512) and ImageDream (arXiv 2312.02201).

Stable Diffusion 2.1's UNet, whose self-attention runs over the pixels of all frames of a sample together and whose time
embedding carries each frame's camera; ImageDream's cross-attention also looks at tokens of an image. Modules carry the
names of the published tensors: input_blocks, middle_block, output_blocks, as in github.com/bytedance/MVDream.

    n  frames of all samples     f  frames of one sample     l  pixels     c  channels
"""

import math
from collections.abc import Mapping
from typing import Any

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from dreamgaussian.priors.resampler import CLIP_H_WIDTH, Resampler


class Attention(nn.Module):
    """Multi-head attention; the context's last `image_tokens` tokens have keys and values of their own, and what is
    read from them is added.
    """

    def __init__(self, width: int, context_width: int, head_width: int, image_tokens: int = 0) -> None:
        super().__init__()
        self.head_width = head_width
        self.image_tokens = image_tokens
        self.to_q = nn.Linear(width, width, bias=False)
        self.to_k = nn.Linear(context_width, width, bias=False)
        self.to_v = nn.Linear(context_width, width, bias=False)
        self.to_out = nn.Sequential(nn.Linear(width, width))
        if image_tokens:
            self.to_k_ip = nn.Linear(context_width, width, bias=False)
            self.to_v_ip = nn.Linear(context_width, width, bias=False)

    def forward(self, x: Float[Tensor, "n l c"], context: Float[Tensor, "n m w"]) -> Float[Tensor, "n l c"]:
        """What each pixel reads from the context."""
        words, images = context.split([context.shape[1] - self.image_tokens, self.image_tokens], dim=1)
        query = self._heads(self.to_q(x))
        read = F.scaled_dot_product_attention(query, self._heads(self.to_k(words)), self._heads(self.to_v(words)))
        if self.image_tokens:
            key, value = self._heads(self.to_k_ip(images)), self._heads(self.to_v_ip(images))
            read = read + F.scaled_dot_product_attention(query, key, value)
        return self.to_out(read.transpose(1, 2).flatten(2))

    def _heads(self, x: Float[Tensor, "n l c"]) -> Float[Tensor, "n h l e"]:
        return x.unflatten(2, (-1, self.head_width)).transpose(1, 2)


class GatedGelu(nn.Module):
    """A linear layer gated by the GELU of another."""

    def __init__(self, width: int, hidden: int) -> None:
        super().__init__()
        self.proj = nn.Linear(width, 2 * hidden)

    def forward(self, x: Float[Tensor, "n l c"]) -> Float[Tensor, "n l h"]:
        """Value times GELU(gate)."""
        value, gate = self.proj(x).chunk(2, dim=-1)
        return value * F.gelu(gate)


class FeedForward(nn.Module):
    """The two-layer perceptron of a transformer block."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.net = nn.Sequential(GatedGelu(width, 4 * width), nn.Identity(), nn.Linear(4 * width, width))

    def forward(self, x: Float[Tensor, "n l c"]) -> Float[Tensor, "n l c"]:
        """Each pixel by itself."""
        return self.net(x)


class TransformerBlock(nn.Module):
    """Self-attention over all frames of a sample, cross-attention of each frame, perceptron."""

    def __init__(self, width: int, context_width: int, head_width: int, image_tokens: int) -> None:
        super().__init__()
        self.attn1 = Attention(width, width, head_width)
        self.ff = FeedForward(width)
        self.attn2 = Attention(width, context_width, head_width, image_tokens)
        self.norm1, self.norm2, self.norm3 = nn.LayerNorm(width), nn.LayerNorm(width), nn.LayerNorm(width)

    def forward(
        self, x: Float[Tensor, "n l c"], context: Float[Tensor, "n m w"], frames: int
    ) -> Float[Tensor, "n l c"]:
        """Each part adds to x."""
        sample = x.unflatten(0, (-1, frames)).flatten(1, 2)
        normed = self.norm1(sample)
        x = (sample + self.attn1(normed, normed)).view_as(x)
        x = x + self.attn2(self.norm2(x), context)
        return x + self.ff(self.norm3(x))


class SpatialTransformer(nn.Module):
    """A transformer block over a map's pixels, with a skip."""

    def __init__(self, width: int, context_width: int, head_width: int, image_tokens: int) -> None:
        super().__init__()
        self.norm = nn.GroupNorm(32, width, eps=1e-6)
        self.proj_in = nn.Linear(width, width)
        self.transformer_blocks = nn.ModuleList([TransformerBlock(width, context_width, head_width, image_tokens)])
        self.proj_out = nn.Linear(width, width)

    def forward(
        self, x: Float[Tensor, "n c i j"], context: Float[Tensor, "n m w"], frames: int
    ) -> Float[Tensor, "n c i j"]:
        """x plus what the block makes of it."""
        pixels = self.proj_in(self.norm(x).flatten(2).transpose(1, 2))
        for block in self.transformer_blocks:
            pixels = block(pixels, context, frames)
        return x + self.proj_out(pixels).transpose(1, 2).unflatten(2, x.shape[2:])


class ResidualBlock(nn.Module):
    """Two convolutions with the embedding of time and camera between them, and a skip."""

    def __init__(self, c_in: int, c_out: int, embedding: int) -> None:
        super().__init__()
        self.in_layers = nn.Sequential(nn.GroupNorm(32, c_in), nn.SiLU(), nn.Conv2d(c_in, c_out, 3, padding=1))
        self.emb_layers = nn.Sequential(nn.SiLU(), nn.Linear(embedding, c_out))
        self.out_layers = nn.Sequential(
            nn.GroupNorm(32, c_out), nn.SiLU(), nn.Identity(), nn.Conv2d(c_out, c_out, 3, padding=1)
        )
        self.skip_connection = nn.Identity() if c_in == c_out else nn.Conv2d(c_in, c_out, 1)

    def forward(self, x: Float[Tensor, "n c i j"], embedding: Float[Tensor, "n e"]) -> Float[Tensor, "n d i j"]:
        """The block's output."""
        hidden = self.in_layers(x) + self.emb_layers(embedding)[..., None, None]
        return self.skip_connection(x) + self.out_layers(hidden)


class Downsample(nn.Module):
    """Halves a map's sides."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.op = nn.Conv2d(channels, channels, 3, stride=2, padding=1)

    def forward(self, x: Float[Tensor, "n c i j"]) -> Float[Tensor, "n c p q"]:
        """A strided convolution."""
        return self.op(x)


class Upsample(nn.Module):
    """Doubles a map's sides."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(channels, channels, 3, padding=1)

    def forward(self, x: Float[Tensor, "n c i j"]) -> Float[Tensor, "n c p q"]:
        """Nearest neighbour, then a convolution."""
        return self.conv(F.interpolate(x, scale_factor=2, mode="nearest"))


class MultiViewUNet(nn.Module):
    """The network; `config` is the published unet/config.json, `image_width` that of the image encoder's tokens."""

    def __init__(self, config: Mapping[str, Any], image_width: int = CLIP_H_WIDTH) -> None:
        super().__init__()
        base, context, tokens = config["model_channels"], config["context_dim"], config.get("ip_dim", 0)
        widths = [base * factor for factor in config["channel_mult"]]
        attended = [2**level in config["attention_resolutions"] for level in range(len(widths))]
        depth, embedding = config["num_res_blocks"], 4 * base
        self.base = base
        self.time_embed = _perceptron(base, embedding)
        self.camera_embed = _perceptron(config["camera_dim"], embedding)
        if tokens:
            self.image_embed = Resampler(image_width, context, tokens)

        def stage(c_in: int, c_out: int, attends: bool) -> list[nn.Module]:
            block: list[nn.Module] = [ResidualBlock(c_in, c_out, embedding)]
            return (
                [*block, SpatialTransformer(c_out, context, config["num_head_channels"], tokens)] if attends else block
            )

        stages: list[list[nn.Module]] = [[nn.Conv2d(config["in_channels"], base, 3, padding=1)]]
        skips, width = [base], base
        for level, next_width in enumerate(widths):
            for _ in range(depth):
                stages.append(stage(width, next_width, attended[level]))
                width = next_width
                skips.append(width)
            if level < len(widths) - 1:
                stages.append([Downsample(width)])
                skips.append(width)
        self.input_blocks = _stages(stages)
        self.middle_block = nn.ModuleList([*stage(width, width, True), ResidualBlock(width, width, embedding)])
        stages = []
        for level, next_width in reversed(list(enumerate(widths))):
            for index in range(depth + 1):
                block = stage(width + skips.pop(), next_width, attended[level])
                width = next_width
                stages.append([*block, Upsample(width)] if level and index == depth else block)
        self.output_blocks = _stages(stages)
        self.out = nn.Sequential(
            nn.GroupNorm(32, width), nn.SiLU(), nn.Conv2d(width, config["out_channels"], 3, padding=1)
        )

    def forward(
        self,
        x: Float[Tensor, "n d i j"],
        steps: Tensor,
        context: Float[Tensor, "n m w"],
        cameras: Float[Tensor, "n 16"],
        frames: int,
    ) -> Float[Tensor, "n d i j"]:
        """Predicted noise of frames that come sample by sample."""
        embedding = self.time_embed(sinusoids(steps, self.base).to(x)) + self.camera_embed(cameras.to(x))
        skips: list[Tensor] = []
        for block in self.input_blocks:
            x = _through(block, x, embedding, context, frames)
            skips.append(x)
        x = _through(self.middle_block, x, embedding, context, frames)
        for block in self.output_blocks:
            x = _through(block, torch.cat([x, skips.pop()], dim=1), embedding, context, frames)
        return self.out(x)


def sinusoids(steps: Tensor, width: int) -> Float[Tensor, "n w"]:
    """cos and then sin of step / 10000^(k / (width / 2))."""
    frequencies = torch.exp(-math.log(10000) * torch.arange(width // 2, device=steps.device) / (width // 2))
    angles = steps[:, None].float() * frequencies
    return torch.cat([angles.cos(), angles.sin()], dim=-1)


def _through(block: Any, x: Tensor, embedding: Tensor, context: Tensor, frames: int) -> Tensor:
    for layer in block:
        if isinstance(layer, ResidualBlock):
            x = layer(x, embedding)
        elif isinstance(layer, SpatialTransformer):
            x = layer(x, context, frames)
        else:
            x = layer(x)
    return x


def _stages(stages: list[list[nn.Module]]) -> nn.ModuleList:
    return nn.ModuleList([nn.ModuleList(stage) for stage in stages])


def _perceptron(width: int, hidden: int) -> nn.Sequential:
    return nn.Sequential(nn.Linear(width, hidden), nn.SiLU(), nn.Linear(hidden, hidden))
