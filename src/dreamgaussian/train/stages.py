"""The two stages of training: what is learned, and by which loss."""

from typing import Protocol

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Generator, Tensor, nn

from dreamgaussian.guidance.mini.lifter import Lifter
from dreamgaussian.guidance.mini.volume import march, orbit_rays
from dreamgaussian.train.dataset import Batch
from dreamgaussian.train.settings import TrainSettings

LIFTER_TARGETS = 3
LIFTER_RAYS = 448
"""Rays of each target."""


class Stage(Protocol):
    """A network and its loss."""

    network: nn.Module
    targets: int
    """Target views that the loss wants with each picture."""

    def loss(self, batch: Batch, generator: Generator) -> Float[Tensor, ""]:
        """Mean loss of a batch."""
        ...


class LifterStage:
    """The lifted volume, rendered along random rays of other views, over random backgrounds."""

    targets = LIFTER_TARGETS

    def __init__(self, lifter: Lifter) -> None:
        self.network = lifter

    def loss(self, batch: Batch, generator: Generator) -> Float[Tensor, ""]:
        """Squared error of colour over a random background, and of alpha."""
        b, k, _, s, _ = batch.targets.shape
        with torch.autocast(batch.pictures.device.type, torch.bfloat16):
            volume = self.network(batch.pictures, batch.picture_elevations)
        losses: list[Tensor] = []
        for view, azimuth, elevation in zip(
            batch.targets.unbind(1), batch.azimuths.unbind(1), batch.elevations.unbind(1), strict=True
        ):
            pixels = torch.randint(s * s, (b, LIFTER_RAYS), generator=generator).to(view.device)
            places = (torch.stack([pixels % s, pixels // s], dim=-1) + 0.5) * (2 / s) - 1
            origins, directions = orbit_rays(azimuth, elevation, places)
            seen = march(volume, batch.pictures, batch.picture_elevations, origins, directions, generator=generator)
            truth = view.flatten(2).transpose(1, 2).gather(1, pixels[..., None].expand(-1, -1, 4))
            background = torch.rand(b, 1, 3, generator=generator).to(view)
            error = (seen - truth)[..., :3] - (seen - truth)[..., 3:] * background
            losses.append(error.square().mean() + 0.5 * F.mse_loss(seen[..., 3], truth[..., 3]))
        return torch.stack(losses).mean()


def make_stage(settings: TrainSettings) -> Stage:
    """The stage with fresh weights."""
    torch.manual_seed(settings.seed)
    return LifterStage(Lifter().to(settings.device, memory_format=torch.channels_last))
