"""How good the prior is on objects that it never saw, as figures and as a picture."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields

import torch
from jaxtyping import Float
from torch import Tensor

from dreamgaussian.camera import Camera
from dreamgaussian.guidance.distill import guided_noise, predicted_x, sample
from dreamgaussian.guidance.mini.denoiser import Denoiser
from dreamgaussian.guidance.mini.lifter import Lifter
from dreamgaussian.guidance.mini.prior import MiniPrior
from dreamgaussian.guidance.mini.weights import load_weights, shipped_weights
from dreamgaussian.subject import Crop, View
from dreamgaussian.train.dataset import Batch, Views
from dreamgaussian.train.manifest import data_folder
from dreamgaussian.train.settings import ReportSettings

ONE_STEP_TIME = 0.98
Pictures = Float[Tensor, "n 4 s s"]


@dataclass(frozen=True)
class Scores:
    """PSNR on white in decibels, mean over an object's unseen views."""

    copied: float
    """The input view, whatever the camera."""
    oracle_mean: float
    """The object's true views averaged: an oracle that knows the object but not the angle."""
    lifted: float
    one_step: float
    """The denoiser's clean view from almost pure noise."""
    sampled: float
    """Twenty deterministic steps."""
    guided: float
    """The same under classifier-free guidance."""


@dataclass(frozen=True, eq=False)
class ObjectReport:
    """One object's scores and pictures."""

    name: str
    scores: Scores
    picture: Float[Tensor, "1 4 s s"]
    truth: Pictures
    lifted: Pictures
    sampled: Pictures


def report(settings: ReportSettings = ReportSettings()) -> Iterator[ObjectReport]:
    """Judge the prior on the held-out objects of the data factory's folder, one by one."""
    lifter, denoiser = load_weights(settings.weights or shipped_weights())
    views = Views(data_folder(settings.data), settings.split)
    for index in range(0, len(views.entries), settings.every):
        generator = torch.Generator().manual_seed(settings.seed)
        yield _judge(views.entries[index].name, views.group(index, 0), (lifter, denoiser), settings, generator)


def mean_scores(reports: Sequence[ObjectReport]) -> Scores:
    """Over objects."""
    sums = {f.name: sum(getattr(one.scores, f.name) for one in reports) for f in fields(Scores)}
    return Scores(**{name: total / len(reports) for name, total in sums.items()})


def table(scores: Scores) -> str:
    """One row of Markdown under its header."""
    names = [f.name for f in fields(Scores)]
    header = " | ".join(name.replace("_", " ") for name in names)
    values = " | ".join(f"{getattr(scores, name):.2f}" for name in names)
    return f"| {header} |\n|{' --- |' * len(names)}\n| {values} |"


def contact_sheet(reports: Sequence[ObjectReport]) -> Float[Tensor, "h w 3"]:
    """For each object three rows: truth, lifted, sampled; the input picture comes first in each."""
    rows = [
        torch.cat([*white(one.picture), *white(pictures)], dim=-1)
        for one in reports
        for pictures in (one.truth, one.lifted, one.sampled)
    ]
    return torch.cat(rows, dim=1).permute(1, 2, 0).clamp(0, 1)


def white(pictures: Pictures) -> Float[Tensor, "n 3 s s"]:
    """Premultiplied RGBA over white."""
    return pictures[:, :3] + 1 - pictures[:, 3:]


def psnr(pictures: Pictures, truth: Pictures) -> float:
    """On white, in decibels, mean over pictures."""
    errors = (white(pictures) - white(truth)).square().mean(dim=(1, 2, 3))
    return float((-10 * errors.clamp(min=1e-10).log10()).mean())


def prior_of(batch: Batch, lifter: Lifter, denoiser: Denoiser) -> MiniPrior:
    """The prior conditioned on a batch of one."""
    rgba = batch.pictures[0].permute(1, 2, 0)
    straight = torch.cat([rgba[..., :3] / rgba[..., 3:].clamp(min=1e-6), rgba[..., 3:]], dim=-1)
    camera = Camera.orbit(0.0, float(batch.picture_elevations[0].rad2deg()), rgba.shape[0])
    return MiniPrior(lifter, denoiser, View(straight, camera, Crop(1.0, (0.0, 0.0))))


def _judge(
    name: str, batch: Batch, networks: tuple[Lifter, Denoiser], settings: ReportSettings, generator: torch.Generator
) -> ObjectReport:
    prior = prior_of(batch, *networks)
    truth = batch.targets[0]
    n, size = len(truth), truth.shape[-1]
    angles = torch.stack([batch.azimuths[0], batch.elevations[0]], dim=-1).rad2deg().tolist()
    cameras = [[Camera.orbit(azimuth, elevation, size)] for azimuth, elevation in angles]
    lifted = torch.stack([prior.lifted_view(camera) for (camera,) in cameras])
    noise = torch.randn(n, 1, 4, size, size, generator=generator)
    t = torch.full((n,), ONE_STEP_TIME)
    one_step = prior.decode(predicted_x(prior, noise, guided_noise(prior, noise, t, cameras, 1.0), t))[:, 0]
    sampled, guided = (
        sample(prior, cameras, steps=settings.steps, scale=scale, generator=generator)[:, 0]
        for scale in (1.0, settings.guidance)
    )
    scores = Scores(
        copied=psnr(batch.pictures.expand(n, -1, -1, -1), truth),
        oracle_mean=psnr(truth.mean(dim=0, keepdim=True).expand(n, -1, -1, -1), truth),
        lifted=psnr(lifted, truth),
        one_step=psnr(one_step, truth),
        sampled=psnr(sampled, truth),
        guided=psnr(guided, truth),
    )
    return ObjectReport(name, scores, batch.pictures, truth, lifted, sampled)
