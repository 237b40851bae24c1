"""The denoiser: a small diffusion U-Net in pixel space that starts from the lifted view.

Notation: x an image as `to_network` makes it, x_t = alpha x + sigma eps, m the lifted view at the target camera.
Given m alone, x ~ N(m, s^2) would make the best guess

    x_bar = m + alpha s^2 / (alpha^2 s^2 + sigma^2) * (x_t - alpha m),  std = s sigma / sqrt(alpha^2 s^2 + sigma^2).

The network adds what that guess cannot know: x0 = x_bar + std * network(...), the preconditioning of arXiv 2206.00364
centred on the lifted view. An untrained network (output 0) is therefore already a sound prior.
"""

import math
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float
from torch import Tensor, nn

from dreamgaussian.priors.mini.layers import Blocks, angle_features, pixel_coordinates

RESIDUAL_STD = 0.4
"""s: how far true views lie from lifted ones, in the network's units."""
PATCH = 4


@dataclass(frozen=True)
class DenoiserConfig:
    """Sizes of the denoiser."""

    channels: tuple[int, int] = (128, 192)
    """At a quarter and an eighth of the image's resolution."""
    embedding: int = 96
    tokens: int = 128
    """Channels of an image token."""
    tokens_side: int = 8
    """Image tokens along a side: an eighth of the resolution."""


def alpha_sigma(t: Float[Tensor, " b"]) -> tuple[Float[Tensor, " b"], Float[Tensor, " b"]]:
    """The cosine schedule without offset (arXiv 2202.00512): variance-preserving, pure noise at t = 1."""
    return torch.cos(t * math.pi / 2), torch.sin(t * math.pi / 2)


def to_network(images: Float[Tensor, "*b 4 h w"]) -> Float[Tensor, "*b 4 h w"]:
    """Premultiplied RGBA in [0, 1] over mid-grey, in [-1, 1]: empty places have colour 0 and alpha -1."""
    alpha = images[..., 3:, :, :]
    return torch.cat([2 * images[..., :3, :, :] - alpha, 2 * alpha - 1], dim=-3)


def from_network(x: Float[Tensor, "*b 4 h w"]) -> Float[Tensor, "*b 4 h w"]:
    """Inverse of `to_network`, with alpha clamped to [0, 1] and colours to [0, alpha]."""
    alpha = (x[..., 3:, :, :] / 2 + 0.5).clamp(0, 1)
    rgb = torch.minimum((x[..., :3, :, :] + alpha).clamp(min=0) / 2, alpha)
    return torch.cat([rgb, alpha], dim=-3)


def residual_std(alpha: Float[Tensor, "*b"], sigma: Float[Tensor, "*b"]) -> Float[Tensor, "*b"]:
    """std of the header; sigma > 0."""
    return RESIDUAL_STD * sigma / (alpha**2 * RESIDUAL_STD**2 + sigma**2).sqrt()


class Denoiser(nn.Module):
    """Predicts the clean view from a noisy one, the lifted view and the image."""

    def __init__(self, config: DenoiserConfig = DenoiserConfig()) -> None:
        super().__init__()
        a, b = config.channels
        e, n, places = config.embedding, config.tokens, config.tokens_side**2
        self.config = config
        patch = 4 * PATCH**2
        self.embed = nn.Sequential(nn.Linear(64 + 12, e), nn.SiLU(), nn.Linear(e, e), nn.SiLU())
        self.enter_picture = nn.Conv2d(patch + 2, n, 3, padding=1)
        self.read_picture = nn.Conv2d(n, n, 3, stride=2, padding=1)
        self.places = nn.Parameter(torch.randn(1, places, n) * 0.02)
        self.no_picture = nn.Parameter(torch.randn(1, places, n) * 0.02)
        self.enter = nn.Conv2d(2 * patch + 2, a, 3, padding=1)
        self.down = Blocks((a, a, a), e)
        self.to_eighth = nn.Conv2d(a, b, 3, stride=2, padding=1)
        self.middle = Blocks((b, b, b), e, attention=True, tokens=n)
        self.from_eighth = nn.Conv2d(b, a, 3, padding=1)
        self.up = Blocks((2 * a, a, a), e)
        self.norm = nn.GroupNorm(8, a)
        self.leave = nn.Conv2d(a, patch, 3, padding=1)
        for parameter in self.leave.parameters():
            nn.init.zeros_(parameter)

    def read(self, image: Float[Tensor, "b 4 s s"]) -> Float[Tensor, "b n d"]:
        """Tokens of the input image."""
        x = F.pixel_unshuffle(image, PATCH)
        x = self.enter_picture(torch.cat([x, pixel_coordinates(x)], dim=1))
        x = self.read_picture(F.silu(x))
        return x.flatten(2).transpose(1, 2) + self.places

    def forward(
        self,
        x_t: Float[Tensor, "b 4 s s"],
        t: Float[Tensor, " b"],
        lifted: Float[Tensor, "b 4 s s"],
        image: Float[Tensor, "b 4 s s"],
        angles: Float[Tensor, "b 3"],
        known: Bool[Tensor, " b"],
    ) -> Float[Tensor, "b 4 s s"]:
        """The clean view. All images are as `to_network` makes them.

        `angles` are the target's azimuth and elevation and the image's elevation, in radians. Where the subject is
        not `known`, all but the target's elevation is withheld.
        """
        lifted = torch.where(known[:, None, None, None], lifted, to_network(torch.zeros_like(lifted)))
        tokens = self.read(image)
        tokens = torch.where(known[:, None, None], tokens, self.no_picture.to(tokens))
        alpha, sigma = (level[:, None, None, None] for level in alpha_sigma(t))
        std = residual_std(alpha, sigma)
        surprise = (x_t - alpha * lifted) * std / (RESIDUAL_STD * sigma)
        x = torch.cat([F.pixel_unshuffle(surprise, PATCH), F.pixel_unshuffle(lifted, PATCH)], dim=1)
        x = torch.cat([x, pixel_coordinates(x)], dim=1).contiguous(memory_format=torch.channels_last)
        embedding = self._embed(t, angles, known)
        fine = self.down(self.enter(x), embedding)
        x = self.middle(self.to_eighth(fine), embedding, tokens)
        x = torch.cat([self.from_eighth(F.interpolate(x, scale_factor=2)), fine], dim=1)
        correction = F.pixel_shuffle(self.leave(F.silu(self.norm(self.up(x, embedding)))), PATCH).float()
        guess = lifted + alpha * (std / sigma) ** 2 * (x_t - alpha * lifted)
        return guess + std * correction

    def _embed(self, t: Tensor, angles: Tensor, known: Tensor) -> Float[Tensor, "b e"]:
        waves = torch.exp(-math.log(1e4) * torch.arange(32, device=t.device) / 32) * t[:, None] * 1000
        withheld = angle_features(angles[:, 0], angles[:, 2]) * known[:, None]
        pose = torch.cat([angle_features(angles[:, 1]), withheld], dim=1)
        return self.embed(torch.cat([waves.sin(), waves.cos(), pose], dim=1))


def noise_from_clean(
    x_t: Float[Tensor, "*b 4 s s"], x0: Float[Tensor, "*b 4 s s"], t: Float[Tensor, " b"]
) -> Float[Tensor, "*b 4 s s"]:
    """eps = (x_t - alpha x0) / sigma; sigma > 0."""
    alpha, sigma = (level.view(-1, *[1] * (x_t.ndim - 1)) for level in alpha_sigma(t))
    return (x_t - alpha * x0) / sigma
