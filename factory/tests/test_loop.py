import json
from dataclasses import asdict, replace
from itertools import islice
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from dreamgaussian.core.errors import ConfigError
from dreamgaussian.priors.mini.denoiser import Denoiser, DenoiserConfig
from dreamgaussian.priors.mini.lifter import Lifter, LifterConfig
from dreamgaussian.priors.mini.weights import save_weights
from factory import loop
from factory.dataset import Views, _together, augment
from factory.loop import TrainState, run, state_path
from factory.manifest import Entry
from factory.settings import TrainSettings
from factory.stages import DenoiserStage, LifterStage, Stage, make_stage

SIZE = 32
TINY_LIFTER = LifterConfig(channels=(16, 16, 64), embedding=16, depths=4)
TINY_DENOISER = DenoiserConfig(channels=(16, 64), embedding=16, tokens=16, tokens_side=4)


@pytest.fixture
def views(tmp_path: Path) -> Views:
    """Two discs of different colours, the same from everywhere."""
    rows, columns = np.mgrid[:SIZE, :SIZE]
    disc = (np.hypot(rows - SIZE / 2 + 0.5, columns - SIZE / 2 + 0.5) < SIZE * 0.4).astype(np.uint8)
    entries = []
    things = (("red", (220, 40, 30), "train"), ("blue", (20, 60, 200), "train"), ("green", (30, 160, 60), "validation"))
    for key, color, split in things:
        rgba = disc[..., None] * np.array([*color, 255], dtype=np.uint8)
        np.save(tmp_path / f"{key}.views.npy", np.broadcast_to(rgba, (2, 5, SIZE, SIZE, 4)))
        cameras = np.zeros((2, 5, 2), dtype=np.float32)
        cameras[:, 1:, 0] = [10, 100, 190, 280]
        np.save(tmp_path / f"{key}.cameras.npy", cameras)
        entries.append(asdict(Entry(key, key, "Toys", "Ada", "CC0 1.0", "Tiny", 1.0, split)))
    (tmp_path / "manifest.json").write_text(json.dumps(entries))
    return Views(tmp_path, "train")


def make(stage: str) -> Stage:
    torch.manual_seed(0)
    lifter = Lifter(TINY_LIFTER)
    return LifterStage(lifter) if stage == "lifter" else DenoiserStage(Denoiser(TINY_DENOISER), lifter)


@pytest.fixture
def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> TrainSettings:
    monkeypatch.setattr(loop, "LOG_EVERY", 1)
    monkeypatch.setattr(loop, "WARM_UP_STEPS", 1)
    return TrainSettings(total_steps=6, batch_size=2, learning_rate=3e-3, minutes=5, folder=tmp_path / "training")


@pytest.mark.parametrize("name", ["lifter", "denoiser"])
def test_training_lowers_the_loss(name: str, views: Views, settings: TrainSettings) -> None:
    stage = make(name)
    batch = augment(views.draw(4, stage.targets, torch.Generator().manual_seed(1)), torch.Generator().manual_seed(1))

    def loss() -> float:
        with torch.no_grad():
            return float(stage.loss(batch, torch.Generator().manual_seed(2)))

    before = loss()
    settings = replace(settings, total_steps=25)
    list(run(stage, TrainState(stage, settings), views, settings))
    assert loss() < 0.9 * before


@pytest.mark.parametrize("name", ["lifter", "denoiser"])
def test_a_stopped_training_continues_bit_for_bit(name: str, views: Views, settings: TrainSettings) -> None:
    straight = TrainState(make(name), settings)
    stage = make(name)
    straight = TrainState(stage, settings)
    list(run(stage, straight, views, settings))

    broken_settings = replace(settings, folder=settings.data or state_path(settings).parent / "broken")
    stage = make(name)
    slices = run(stage, TrainState(stage, broken_settings), views, broken_settings)
    list(islice(slices, 3))
    slices.close()
    stage = make(name)
    resumed = TrainState(stage, broken_settings)
    resumed.load(state_path(broken_settings))
    assert resumed.step == 3
    list(run(stage, resumed, views, broken_settings))

    assert resumed.step == straight.step == 6
    for kind in ("network", "average"):
        pairs = zip(
            getattr(straight, kind).state_dict().values(), getattr(resumed, kind).state_dict().values(), strict=True
        )
        assert all(torch.equal(a, b) for a, b in pairs)


def test_the_curve_is_logged(views: Views, settings: TrainSettings) -> None:
    stage = make("lifter")
    list(run(stage, TrainState(stage, settings), views, settings))
    header, *rows = state_path(settings).with_suffix(".csv").read_text().splitlines()
    assert header == "step,loss,seconds,learning_rate,validation_psnr"
    assert [row.split(",")[0] for row in rows] == ["1", "2", "3", "4", "5", "6"]


@pytest.mark.parametrize("name", ["lifter", "denoiser"])
def test_validation_objects_are_looked_at_when_a_state_is_saved(
    name: str, views: Views, settings: TrainSettings
) -> None:
    settings = replace(settings, checkpoint_minutes=0, total_steps=2)
    stage = make(name)
    steps = list(run(stage, TrainState(stage, settings), views, settings))
    assert 1 < (steps[-1].validation_psnr or 0) < 40
    with Image.open(state_path(settings).with_suffix(".png")) as sheet:
        assert sheet.size == ((1 + 2 * 4) * SIZE, SIZE)


def test_training_may_start_from_shipped_weights(tmp_path: Path) -> None:
    lifter = Lifter(TINY_LIFTER)
    save_weights(tmp_path / "tiny.safetensors", lifter, Denoiser(TINY_DENOISER), {})
    first = make_stage(TrainSettings(init=tmp_path / "tiny.safetensors"), tmp_path)
    second = make_stage(TrainSettings("denoiser", init=tmp_path / "tiny.safetensors"), tmp_path)
    assert torch.allclose(first.network.enter.weight, lifter.enter.weight, atol=1e-3)
    assert all(parameter.requires_grad for parameter in first.network.parameters())
    assert second.network.config == TINY_DENOISER


def test_a_state_of_another_network_is_refused(views: Views, settings: TrainSettings) -> None:
    stage = make("lifter")
    state_path(settings).parent.mkdir()
    TrainState(stage, settings).save(state_path(settings))
    with pytest.raises(ConfigError, match="not a state of this network"):
        TrainState(make("denoiser"), settings).load(state_path(settings))


def test_augmentation_keeps_pictures_premultiplied_and_mirrors_azimuths(views: Views) -> None:
    batch = views.draw(16, 2, torch.Generator().manual_seed(0))
    changed = augment(batch, torch.Generator().manual_seed(0))
    assert (changed.targets[:, :, :3] <= changed.targets[:, :, 3:] + 1e-6).all()
    assert torch.equal(changed.azimuths.abs(), batch.azimuths.abs())
    assert 0 < (changed.azimuths == -batch.azimuths).float().mean() < 1


def test_views_together_on_a_device_are_drawn_as_the_memory_maps_are(views: Views) -> None:
    one_by_one = views.draw(16, 2, torch.Generator().manual_seed(0))
    views._together = _together(views.views, [each.numpy() for each in views.cameras], "cpu")
    together = views.draw(16, 2, torch.Generator().manual_seed(0))
    assert all(torch.equal(*pair) for pair in zip(vars(one_by_one).values(), vars(together).values(), strict=True))


def test_the_learning_rate_warms_up_stays_and_falls_at_the_end_of_the_last_slice() -> None:
    settings = TrainSettings(learning_rate=1.0, decay_minutes=10)
    rates = [loop._learning_rate(step, left, settings) for step, left in ((49, 60), (1000, 60), (5000, 5), (9000, 0))]
    assert rates == [0.5, 1.0, 0.5, 0.0]
