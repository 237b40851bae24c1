"""The two stages of training: what is learned, and by which loss."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from jaxtyping import Float, Int
from torch import Generator, Tensor, nn

from dreamgaussian.core.errors import ConfigError
from dreamgaussian.priors.mini.denoiser import Denoiser, alpha_sigma, from_network, residual_std, to_network
from dreamgaussian.priors.mini.layers import autocast
from dreamgaussian.priors.mini.lifter import Lifter, LifterConfig
from dreamgaussian.priors.mini.volume import march, orbit_rays, pixel_places
from dreamgaussian.priors.mini.weights import load_weights
from factory.dataset import Batch
from factory.settings import TrainSettings

LIFTER_TARGETS = 6
LIFTER_RAYS = 160
"""Rays of each target. The choice of images makes most of a gradient's variance; three targets of 320 rays add 17 %,
of 960 rays 16 %, six of 480 rays 6 %. So few rays are enough, of many targets."""
MARGIN_PX = 5
FAR_SHARE = 0.25
"""How often rays farther than the margin from the object are drawn, relative to the others: most of them are empty."""
DENOISER_TARGETS = 2
NOISE_DRAWS = 3
WATCHED_TIME = 0.8
"""Noise level from which the watched views are denoised."""
DROPOUT = 0.1
"""Share of samples that know nothing of the subject, for classifier-free guidance."""


class LifterStage:
    """The lifted volume, rendered along random rays of other views, over random backgrounds."""

    targets = LIFTER_TARGETS

    def __init__(self, lifter: Lifter) -> None:
        self.network = lifter

    def loss(self, batch: Batch, generator: Generator) -> Float[Tensor, ""]:
        """Squared error of colour over a random background, and of alpha; its mean over rays estimates that over all
        pixels.
        """
        b, k, _, s, _ = batch.targets.shape
        with autocast(batch.pictures.device):
            volume = self.network(batch.pictures, batch.picture_elevations)
        pixels, shares = draw_pixels(batch.targets.flatten(0, 1), LIFTER_RAYS, generator)
        places = pixel_places(s, volume)[pixels]
        origins, directions = orbit_rays(batch.azimuths.flatten(), batch.elevations.flatten(), places)
        seen = march(
            volume,
            batch.pictures,
            batch.picture_elevations,
            *(each.expand_as(directions).reshape(b, -1, 3) for each in (origins, directions)),
            generator=generator,
        )
        views = batch.targets.flatten(0, 1).flatten(2).transpose(1, 2)
        truth = views.gather(1, pixels[..., None].expand(-1, -1, 4)).reshape(b, -1, 4)
        background = torch.rand(b, k, 1, 3, generator=generator, device=views.device)
        background = background.expand(-1, -1, LIFTER_RAYS, -1).flatten(1, 2)
        wrong = seen - truth
        color = (wrong[..., :3] - wrong[..., 3:] * background).square().mean(dim=-1)
        return (shares.reshape(b, -1) * (color + 0.5 * wrong[..., 3].square())).mean()

    def predict(self, network: nn.Module, batch: Batch, generator: Generator) -> Float[Tensor, "b k 4 s s"]:
        """The targets as a network of this stage lifts the pictures."""
        del generator
        return lift_views(network, batch)


def draw_pixels(
    views: Float[Tensor, "n 4 s s"], count: int, generator: Generator
) -> tuple[Int[Tensor, "n count"], Float[Tensor, "n count"]]:
    """Pixels, more of them on and near the object, and the weights that undo the preference."""
    near = F.max_pool2d(views[:, 3], 2 * MARGIN_PX + 1, stride=1, padding=MARGIN_PX).flatten(1) > 0
    odds = torch.where(near, 1.0, FAR_SHARE)
    pixels = torch.multinomial(odds, count, replacement=True, generator=generator)
    weights = odds.mean(dim=1, keepdim=True) / odds.gather(1, pixels)
    return pixels, weights


class DenoiserStage:
    """Denoising of views beside the lifted ones of a frozen lifter."""

    targets = DENOISER_TARGETS

    def __init__(self, denoiser: Denoiser, lifter: Lifter) -> None:
        self.network = denoiser
        self._lifter = lifter.eval().requires_grad_(False)

    def loss(self, batch: Batch, generator: Generator) -> Float[Tensor, ""]:
        """Squared error of the clean view, in units of what the lifted view and the noisy one leave open.

        Each view is noised several times: lifting costs more than denoising.
        """
        lifted = lift_views(self._lifter, batch)
        views, shown, angles, pictures = (
            part.repeat(NOISE_DRAWS, *[1] * (part.ndim - 1))
            for part in (
                to_network(batch.targets.flatten(0, 1)),
                to_network(lifted.flatten(0, 1)),
                _angles(batch),
                to_network(batch.pictures).repeat_interleave(self.targets, dim=0),
            )
        )
        n = len(views)
        t = torch.rand(n, generator=generator, device=views.device).clamp(min=0.01)
        known = torch.rand(n, generator=generator, device=views.device) > DROPOUT
        alpha, sigma = (level[:, None, None, None] for level in alpha_sigma(t))
        noise = torch.randn(views.shape, generator=generator, device=views.device)
        with autocast(views.device):
            x0 = self.network(alpha * views + sigma * noise, t, shown, pictures, angles, known)
        return ((x0 - views) / residual_std(alpha, sigma)).square().mean()

    @torch.no_grad()
    def predict(self, network: nn.Module, batch: Batch, generator: Generator) -> Float[Tensor, "b k 4 s s"]:
        """The targets as a network of this stage denoises them, in one step from `WATCHED_TIME`."""
        b, k = batch.azimuths.shape
        views = to_network(batch.targets.flatten(0, 1))
        shown = to_network(lift_views(self._lifter, batch).flatten(0, 1))
        pictures = to_network(batch.pictures).repeat_interleave(k, dim=0)
        t = torch.full((b * k,), WATCHED_TIME, device=views.device)
        alpha, sigma = (level[:, None, None, None] for level in alpha_sigma(t))
        noise = torch.randn(views.shape, generator=generator, device=views.device)
        with autocast(views.device):
            x0 = network(alpha * views + sigma * noise, t, shown, pictures, _angles(batch), torch.ones_like(t).bool())
        return from_network(x0).unflatten(0, (b, k))


Stage = LifterStage | DenoiserStage
"""A `network`, how many `targets` it wants with each picture, its `loss`, and what it can `predict`."""


@torch.no_grad()
def lift_views(lifter: nn.Module, batch: Batch) -> Float[Tensor, "b k 4 s s"]:
    """The targets as the lifted pictures show them."""
    b, _, _, s, _ = batch.targets.shape
    with autocast(batch.pictures.device):
        volumes = lifter(batch.pictures, batch.picture_elevations)
    places = pixel_places(s, batch.pictures).expand(b, -1, -1)
    lifted: list[Tensor] = []
    for azimuth, elevation in zip(batch.azimuths.unbind(1), batch.elevations.unbind(1), strict=True):
        origins, directions = orbit_rays(azimuth, elevation, places)
        seen = march(volumes, batch.pictures, batch.picture_elevations, origins, directions)
        lifted.append(seen.transpose(1, 2).reshape(b, 4, s, s))
    return torch.stack(lifted, dim=1)


def _angles(batch: Batch) -> Float[Tensor, "n 3"]:
    """Target azimuth and elevation and picture elevation of each target."""
    picture_elevations = batch.picture_elevations[:, None].expand_as(batch.elevations)
    return torch.stack([batch.azimuths, batch.elevations, picture_elevations], dim=-1).flatten(0, 1)


def make_stage(settings: TrainSettings, folder: Path) -> Stage:
    """The stage with fresh weights, or with those of `settings.init`; the denoiser learns beside the average of the
    lifter trained in `folder`, or the initial one where none is there.
    """
    torch.manual_seed(settings.seed)
    lifter, denoiser = load_weights(settings.init) if settings.init else (Lifter(), Denoiser())
    # Weights that started from balls go on from what is trained now.
    lifter.config = replace(lifter.config, start=LifterConfig().start)
    for network in (lifter, denoiser):
        network.train().requires_grad_().to(settings.device)
    if settings.stage == "lifter":
        return LifterStage(lifter)
    trained = folder / "lifter.pt"
    if trained.exists() or not settings.init:
        load_average(lifter, trained)
    return DenoiserStage(denoiser, lifter)


def load_average(network: nn.Module, path: Path) -> int:
    """Read the moving average of a training state into a network; returns the state's step."""
    if not path.exists():
        raise ConfigError(f"No training state at {path}. Run `python -m factory train --stage {path.stem}` first.")
    state: dict[str, Any] = torch.load(path, weights_only=True, map_location="cpu")
    network.load_state_dict(state["average"])
    return state["step"]
