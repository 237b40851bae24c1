from pathlib import Path

import numpy as np
import pytest
import torch

from dreamgaussian.priors.mini.denoiser import Denoiser, DenoiserConfig
from dreamgaussian.priors.mini.lifter import Lifter, LifterConfig
from dreamgaussian.priors.mini.weights import save_weights
from factory import loop, sprint
from factory.data import DataStep
from factory.loop import TrainStep
from factory.manifest import Entry, write_manifest
from factory.settings import PackSettings, SprintSettings, TrainSettings
from factory.shards import pack_views
from factory.stages import load_average

TINY_LIFTER = LifterConfig(channels=(16, 16, 64), embedding=16, depths=4)
TINY_DENOISER = DenoiserConfig(channels=(16, 64), embedding=16, tokens=16, tokens_side=4)


@pytest.fixture
def shards(tmp_path: Path) -> Path:
    """A training object and one to watch: grey squares, packed."""
    views = np.zeros((2, 5, 32, 32, 4), dtype=np.uint8)
    views[:, :, 8:24, 8:24] = (120, 120, 120, 255)
    cameras = np.zeros((2, 5, 2), dtype=np.float32)
    for key in ("a", "b"):
        np.save(tmp_path / f"{key}.views.npy", views)
        np.save(tmp_path / f"{key}.cameras.npy", cameras)
    splits = (("a", "train"), ("b", "validation"))
    write_manifest(tmp_path, [Entry(key, key, "Toys", "Ada", "CC0 1.0", "Tiny", 1.0, split) for key, split in splits])
    list(pack_views(PackSettings(tmp_path, tmp_path / "shards")))
    return tmp_path / "shards"


def test_both_stages_bring_back_what_a_later_export_reads(
    shards: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(loop, "LOG_EVERY", 1)
    start = tmp_path / "start.safetensors"
    save_weights(start, Lifter(TINY_LIFTER), Denoiser(TINY_DENOISER), {})
    settings = SprintSettings(
        *(shards, tmp_path / "out"), init=start, lifter_minutes=0.02, denoiser_minutes=0.02, batch_size=4, device="cpu"
    )
    stages = [step[0] for step in sprint.sprint(settings) if not isinstance(step, DataStep)]
    assert {"lifter", "denoiser"} == set(stages)
    assert stages == sorted(stages, reverse=True)
    for name, network in (("lifter", Lifter(TINY_LIFTER)), ("denoiser", Denoiser(TINY_DENOISER))):
        step = load_average(network, tmp_path / "out" / f"{name}.pt")
        assert step == stages.count(name)
        assert (tmp_path / "out" / f"{name}.csv").exists()


def test_the_batch_is_halved_until_it_fits(monkeypatch: pytest.MonkeyPatch) -> None:
    tried: list[int] = []

    def train(settings: TrainSettings):
        tried.append(settings.batch_size)
        if settings.batch_size > 8:
            raise torch.OutOfMemoryError("too large")
        yield TrainStep(1, 0.5, 1.0, 1e-3)

    monkeypatch.setattr(sprint, "train", train)
    assert [step.step for step in sprint._train_what_fits(TrainSettings(batch_size=32))] == [1]
    assert tried == [32, 16, 8]
