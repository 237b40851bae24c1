"""Both stages within minutes, on a machine that is lent for as long: from shards to what is worth bringing back.

The output holds the averages of both stages in float16, `lifter.pt` and `denoiser.pt`, their curves and their sheets:
files of at most 16 MiB, from which `python -m factory export --training OUTPUT` makes the weights.
"""

import os
import shutil
import tempfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import torch

from dreamgaussian.priors.mini.weights import shipped_weights
from factory.data import DataStep
from factory.loop import TrainStep, state_path, train
from factory.settings import SprintSettings, Stage, TrainSettings, UnpackSettings
from factory.shards import unpack_views

DENOISER_SHARE = 4
"""The denoiser's batch is so many times smaller: it sees each image's views under several noises."""


def sprint(settings: SprintSettings) -> Iterator[DataStep | tuple[Stage, TrainStep]]:
    """Unpack the shards, train the lifter, then the denoiser beside it, each to the end of its learning rate's decay.

    Yields progress. What is done is in the output as soon as its stage is over.
    """
    if settings.device != "cpu":
        torch.backends.cudnn.benchmark = True
        torch.set_float32_matmul_precision("high")
    settings.output.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as temporary:
        data, training = Path(temporary, "data"), Path(temporary, "training")
        yield from unpack_views(UnpackSettings(settings.shards, data, workers=os.cpu_count() or 1))
        common = TrainSettings(
            init=settings.init or shipped_weights(),
            learning_rate=settings.learning_rate,
            checkpoint_minutes=settings.checkpoint_minutes,
            device=settings.device,
            compiled=settings.compiled,
            data=data,
            folder=training,
        )
        stages: tuple[tuple[Stage, float, int], ...] = (
            ("lifter", settings.lifter_minutes, settings.batch_size),
            ("denoiser", settings.denoiser_minutes, max(1, settings.batch_size // DENOISER_SHARE)),
        )
        for stage, minutes, batch_size in stages:
            decay = settings.decay_share * minutes
            stage_settings = replace(common, stage=stage, minutes=minutes, decay_minutes=decay, batch_size=batch_size)
            for step in _train_what_fits(stage_settings):
                yield stage, step
            _bring_back(state_path(stage_settings), settings.output)


def _train_what_fits(settings: TrainSettings) -> Iterator[TrainStep]:
    """One slice, with the batch halved until the device's memory holds it."""
    while True:
        try:
            yield from train(settings)
            return
        except torch.OutOfMemoryError:
            if settings.batch_size == 1:
                raise
            settings = replace(settings, batch_size=settings.batch_size // 2)
            torch.cuda.empty_cache()


def _bring_back(state: Path, output: Path) -> None:
    """A stage's average in float16, its curve and its sheet."""
    whole = torch.load(state, weights_only=True, map_location="cpu")
    average = {name: value.half() for name, value in whole["average"].items()}
    torch.save({"average": average, "step": whole["step"]}, output / state.name)
    for suffix in (".csv", ".png"):
        if (path := state.with_suffix(suffix)).exists():
            shutil.copy(path, output)
