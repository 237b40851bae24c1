"""The lifter: from an image to a small volume in the input camera's frustum.

Each voxel holds a density, a colour, and how much of the image's own pixel in front of it to take instead of the
colour. `volume.py` renders it for any camera.
"""

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from dreamgaussian.priors.mini.layers import Blocks, angle_features, pixel_coordinates
from dreamgaussian.priors.mini.start import Start, start_density

VOXEL_CHANNELS = 5
"""Density, red, green, blue, blend; all before their activations."""


@dataclass(frozen=True)
class LifterConfig:
    """Sizes of the lifter."""

    channels: tuple[int, int, int] = (96, 160, 192)
    """At a half, a quarter and an eighth of the image's resolution."""
    embedding: int = 128
    depths: int = 32
    """Voxels along the viewing direction."""
    inflation: float = 0.6
    """Strength of the start, the image's outline as a solid, to whose densities the network adds."""
    start: Start = "upright"
    """Which solid; weights of before there was a choice start from balls."""


class Lifter(nn.Module):
    """A U-Net whose output channels are the voxels along each pixel's ray."""

    def __init__(self, config: LifterConfig = LifterConfig()) -> None:
        super().__init__()
        a, b, c = config.channels
        e = config.embedding
        self.config = config
        self.embed = nn.Sequential(nn.Linear(4, e), nn.SiLU(), nn.Linear(e, e), nn.SiLU())
        self.enter = nn.Conv2d(4 * 4 + 2, a, 3, padding=1)
        self.down_half = Blocks((a, a, a), e)
        self.to_quarter = nn.Conv2d(a, b, 3, stride=2, padding=1)
        self.down_quarter = Blocks((b, b, b), e)
        self.to_eighth = nn.Conv2d(b, c, 3, stride=2, padding=1)
        self.middle = Blocks((c, c, c, c), e, attention=True)
        self.from_eighth = nn.Conv2d(c, b, 3, padding=1)
        self.up_quarter = Blocks((2 * b, b, b), e)
        self.from_quarter = nn.Conv2d(b, a, 3, padding=1)
        self.up_half = Blocks((2 * a, a, a), e)
        self.norm = nn.GroupNorm(8, a)
        self.leave = nn.Conv2d(a, VOXEL_CHANNELS * config.depths, 3, padding=1)
        # A thin fog to start with: opaque or empty volumes give no gradient.
        raw = torch.zeros(VOXEL_CHANNELS, config.depths)
        raw[0] = -1.0
        self.leave.bias = nn.Parameter(raw.flatten())

    def forward(
        self, image: Float[Tensor, "b 4 s s"], elevation: Float[Tensor, " b"]
    ) -> Float[Tensor, "b 5 d half half"]:
        """The volume of a premultiplied RGBA image seen from `elevation` (radians)."""
        embedding = self.embed(angle_features(elevation))
        gray = torch.cat([image[:, :3] + 0.5 * (1 - image[:, 3:]), image[:, 3:]], dim=1) * 2 - 1
        x = F.pixel_unshuffle(gray, 2)
        x = torch.cat([x, pixel_coordinates(x)], dim=1).contiguous(memory_format=torch.channels_last)
        half = self.down_half(self.enter(x), embedding)
        quarter = self.down_quarter(self.to_quarter(half), embedding)
        x = self.middle(self.to_eighth(quarter), embedding)
        x = torch.cat([self.from_eighth(F.interpolate(x, scale_factor=2)), quarter], dim=1)
        x = self.up_quarter(x, embedding)
        x = torch.cat([self.from_quarter(F.interpolate(x, scale_factor=2)), half], dim=1)
        x = self.up_half(x, embedding)
        voxels = self.leave(F.silu(self.norm(x))).float()
        b, _, h, w = voxels.shape
        voxels = voxels.reshape(b, VOXEL_CHANNELS, self.config.depths, h, w)
        start = start_density(image[:, 3], h, self.config.depths, self.config.start)
        return torch.cat([voxels[:, :1] + self.config.inflation * start[:, None], voxels[:, 1:]], dim=1)
