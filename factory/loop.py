"""The training loop: slices that end by themselves and continue exactly where they ended."""

import copy
import csv
import math
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from dreamgaussian.core.errors import ConfigError, Diverged
from dreamgaussian.core.files import atomic_path
from factory.dataset import Views, augment
from factory.manifest import data_folder
from factory.settings import TrainSettings, cache_folder
from factory.stages import Stage, make_stage
from factory.watch import watch, watched_batch

WARM_UP_STEPS = 100
EMA_DECAY = 0.999
LOG_EVERY = 25


@dataclass(frozen=True)
class TrainStep:
    """Progress after a step."""

    step: int
    loss: float
    seconds: float
    """Since the slice began."""
    learning_rate: float
    validation_psnr: float | None = None
    """Of the averaged weights on validation objects, in dB, when they were looked at since the last progress."""


class TrainState:
    """All that training must remember: weights, their moving average, moments, random state and the step."""

    def __init__(self, stage: Stage, settings: TrainSettings) -> None:
        self.network = stage.network
        self.average = copy.deepcopy(stage.network).requires_grad_(False)
        self.optimizer = torch.optim.AdamW(
            self.network.parameters(), lr=settings.learning_rate, betas=(0.9, 0.99), weight_decay=0.01, fused=True
        )
        self.generator = torch.Generator(settings.device).manual_seed(settings.seed)
        self.step = 0

    def save(self, path: Path) -> None:
        """Write everything, all or nothing."""
        state = {
            "network": self.network.state_dict(),
            "average": self.average.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "generator": self.generator.get_state(),
            "step": self.step,
        }
        with atomic_path(path) as temporary:
            torch.save(state, temporary)

    def load(self, path: Path) -> None:
        """Take up a saved state."""
        try:
            state: dict[str, Any] = torch.load(path, weights_only=True, map_location="cpu")
            self.network.load_state_dict(state["network"])
            self.average.load_state_dict(state["average"])
        except (RuntimeError, KeyError, OSError, EOFError) as error:
            raise ConfigError(
                f"{path} is not a state of this network ({error}). Move it away to start anew."
            ) from error
        self.optimizer.load_state_dict(state["optimizer"])
        self.step = state["step"]
        if state["generator"].shape == self.generator.get_state().shape:
            self.generator.set_state(state["generator"])
        else:  # from another kind of device, whose random numbers cannot be continued here
            self.generator.manual_seed(self.generator.initial_seed() + self.step)


def training_folder(folder: Path | None) -> Path:
    """Where states and logs lie."""
    return folder or cache_folder() / "prior" / "training"


def state_path(settings: TrainSettings) -> Path:
    """The state of a stage."""
    return training_folder(settings.folder) / f"{settings.stage}.pt"


def train(settings: TrainSettings) -> Iterator[TrainStep]:
    """One slice of a stage's training on the data factory's views; takes up the stage's saved state if there is one.

    What is missing is complained about at once, not at the first step.
    """
    views = Views(data_folder(settings.data), "train", settings.device)
    stage = make_stage(settings, training_folder(settings.folder))
    state = TrainState(stage, settings)
    path = state_path(settings)
    if path.exists():
        state.load(path)
    if settings.compiled and torch.device(settings.device).type != "cpu":
        stage.network.compile()
    return run(stage, state, views, settings)


def run(stage: Stage, state: TrainState, views: Views, settings: TrainSettings) -> Iterator[TrainStep]:
    """Train until the slice's time or the last step has come; saves the state now and then, and at the end.

    Beside the state lie the curve (.csv) and the latest look at validation objects (.png).
    """
    path = state_path(settings)
    path.parent.mkdir(parents=True, exist_ok=True)
    watched, seen = watched_batch(views.folder, settings.device), None
    start = saved = time.monotonic()
    losses: list[Tensor] = []
    try:
        while (left := 60 * settings.minutes - (time.monotonic() - start)) > 0:
            if settings.total_steps is not None and state.step >= settings.total_steps:
                break
            rate = _learning_rate(state.step, left / 60, settings)
            losses.append(_advance(stage, state, views, settings, rate))
            if state.step % LOG_EVERY == 0:
                loss = float(torch.stack(losses).mean())
                losses.clear()
                if not math.isfinite(loss):
                    raise Diverged(
                        f"The {settings.stage}'s loss is {loss} at step {state.step}. Lower --learning-rate."
                    )
                progress = TrainStep(state.step, loss, time.monotonic() - start, rate, seen)
                seen = None
                _log(path.with_suffix(".csv"), progress)
                yield progress
            if time.monotonic() - saved > 60 * settings.checkpoint_minutes:
                state.save(path)
                if watched is not None:
                    seen = watch(stage, state.average, watched, path.with_suffix(".png"))
                saved = time.monotonic()
    finally:
        state.save(path)


def _advance(stage: Stage, state: TrainState, views: Views, settings: TrainSettings, rate: float) -> Tensor:
    """One step of the optimiser; returns the loss."""
    for group in state.optimizer.param_groups:
        group["lr"] = rate
    batch = augment(views.draw(settings.batch_size, stage.targets, state.generator), state.generator)
    loss = stage.loss(batch, state.generator)
    state.optimizer.zero_grad(set_to_none=True)
    loss.backward()
    nn.utils.clip_grad_norm_(state.network.parameters(), 1.0)
    state.optimizer.step()
    state.step += 1
    decay = min(EMA_DECAY, state.step / (state.step + 10))
    with torch.no_grad():
        torch._foreach_lerp_(  # pyright: ignore
            list(state.average.parameters()), list(state.network.parameters()), 1 - decay
        )
    return loss.detach()


def _learning_rate(step: int, minutes_left: float, settings: TrainSettings) -> float:
    """A linear warm-up, then constant, so that training may go on for any number of slices; in the last one linearly
    down to nothing over `decay_minutes` (arXiv 2405.18392).
    """
    warm_up = min(1.0, (step + 1) / WARM_UP_STEPS)
    decay = min(1.0, minutes_left / settings.decay_minutes) if settings.decay_minutes else 1.0
    return settings.learning_rate * warm_up * decay


def _log(path: Path, progress: TrainStep) -> None:
    fresh = not path.exists()
    with path.open("a", newline="") as file:
        writer = csv.writer(file)
        if fresh:
            writer.writerow(["step", "loss", "seconds", "learning_rate", "validation_psnr"])
        seen = "" if progress.validation_psnr is None else f"{progress.validation_psnr:.3f}"
        figures = (f"{progress.loss:.5f}", f"{progress.seconds:.1f}", f"{progress.learning_rate:.3e}")
        writer.writerow([progress.step, *figures, seen])
