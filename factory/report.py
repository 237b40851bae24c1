"""How good the prior is on objects that it never saw, as figures and as a picture."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields
from pathlib import Path

import torch
from jaxtyping import Float
from PIL import Image
from torch import Tensor

from dreamgaussian.core.camera import Camera
from dreamgaussian.core.files import atomic_path
from dreamgaussian.core.image import on_white, psnr, to_uint8, unpremultiply
from dreamgaussian.guidance.distill import guided_noise, predicted_x, sample
from dreamgaussian.inputs.subject import Crop, View
from dreamgaussian.priors.mini.denoiser import Denoiser
from dreamgaussian.priors.mini.lifter import Lifter
from dreamgaussian.priors.mini.prior import MiniPrior
from dreamgaussian.priors.mini.weights import load_weights, shipped_weights
from factory.dataset import Batch, Views
from factory.manifest import data_folder
from factory.settings import ReportSettings

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


def report(settings: ReportSettings = ReportSettings()) -> Iterator[tuple[ObjectReport, int]]:
    """Judge the prior on the held-out objects of the data factory's folder, one by one; yields how many there are
    beside each. What is missing is complained about at once, not at the first object.
    """
    lifter, denoiser = load_weights(settings.weights or shipped_weights())
    views = Views(data_folder(settings.data), settings.split)
    chosen = range(0, len(views.entries), settings.every)

    def judge(index: int) -> ObjectReport:
        generator = torch.Generator().manual_seed(settings.seed)
        return _judge(views.entries[index].name, views.group(index, 0), (lifter, denoiser), settings, generator)

    return ((judge(index), len(chosen)) for index in chosen)


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


def write_sheet(path: Path, reports: Sequence[ObjectReport]) -> None:
    """The contact sheet as a picture file."""
    with atomic_path(path) as temporary:
        Image.fromarray(to_uint8(contact_sheet(reports))).save(temporary)


def contact_sheet(reports: Sequence[ObjectReport]) -> Float[Tensor, "h w 3"]:
    """For each object three rows: truth, lifted, sampled; the input picture comes first in each."""
    rows = [
        torch.cat([*on_white(torch.cat([one.picture, pictures]).permute(0, 2, 3, 1))], dim=1)
        for one in reports
        for pictures in (one.truth, one.lifted, one.sampled)
    ]
    return torch.cat(rows, dim=0)


def decibels(pictures: Pictures, truth: Pictures) -> float:
    """PSNR on white, mean over pictures."""
    return psnr(*(on_white(each.permute(0, 2, 3, 1)) for each in (pictures, truth)))


def prior_of(batch: Batch, lifter: Lifter, denoiser: Denoiser) -> MiniPrior:
    """The prior conditioned on a batch of one."""
    rgba = batch.pictures[0].permute(1, 2, 0)
    straight = unpremultiply(rgba)
    camera = Camera.orbit(0.0, float(batch.picture_elevations[0].rad2deg()), rgba.shape[0])
    return MiniPrior(lifter, denoiser, [View(straight, camera, Crop(1.0, (0.0, 0.0)))])


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
        copied=decibels(batch.pictures.expand(n, -1, -1, -1), truth),
        oracle_mean=decibels(truth.mean(dim=0, keepdim=True).expand(n, -1, -1, -1), truth),
        lifted=decibels(lifted, truth),
        one_step=decibels(one_step, truth),
        sampled=decibels(sampled, truth),
        guided=decibels(guided, truth),
    )
    return ObjectReport(name, scores, batch.pictures, truth, lifted, sampled)
