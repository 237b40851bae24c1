import subprocess
import sys
from dataclasses import replace
from itertools import islice
from pathlib import Path

import pytest
import torch

from dreamgaussian.core.errors import InputError
from dreamgaussian.core.gaussians import Gaussians
from dreamgaussian.fitting.densify.settings import DensitySettings, McmcSettings
from dreamgaussian.fitting.loop import fit
from dreamgaussian.fitting.settings import (
    DistillSettings,
    FitSettings,
    ReferenceSettings,
    TargetSettings,
)
from dreamgaussian.fitting.state import FitState
from dreamgaussian.guidance.analytic import AnalyticPrior
from dreamgaussian.raster.reference import ReferenceRasterizer
from fitting.known_object import known_prior, known_subject, lobed_ball

SETTINGS = FitSettings(
    steps=12,
    initial_count=60,
    reference=ReferenceSettings(size=16),
    density=DensitySettings(start=0, end=1, every=4, opacity_reset_every=9),
    mcmc=McmcSettings(start=0, end=1, every=4),
)


def go_on(state: FitState, steps: int | None = None, settings: FitSettings = SETTINGS) -> FitState:
    rasterizer, truth = ReferenceRasterizer(), lobed_ball(100)
    prior, subject = known_prior(rasterizer, truth, 16), known_subject(rasterizer, truth, 16)
    for _ in islice(fit(state, rasterizer, prior, subject, settings), steps):
        pass
    return state


@pytest.mark.parametrize("densify", ["default", "mcmc"])
def test_a_saved_fit_goes_on_bit_for_bit_in_a_new_process(densify, tmp_path):
    settings = replace(SETTINGS, densify=densify)
    straight = go_on(FitState.start(settings, seed=3), settings=settings)
    half = go_on(FitState.start(settings, seed=3), steps=5, settings=settings)
    half.save(tmp_path / "half.safetensors")
    script = f"""
import sys; sys.path.insert(0, {str(Path(__file__).parent.parent)!r})
from pathlib import Path
from dataclasses import replace
from dreamgaussian.fitting.state import FitState
from fitting.test_state import SETTINGS, go_on
folder = Path({str(tmp_path)!r})
state = FitState.load(folder / "half.safetensors")
go_on(state, settings=replace(SETTINGS, densify={densify!r})).save(folder / "whole.safetensors")
"""
    subprocess.run([sys.executable, "-c", script], check=True)
    resumed = FitState.load(tmp_path / "whole.safetensors")
    assert resumed.step == straight.step == 12
    assert resumed.losses == straight.losses
    for name in Gaussians.names():
        assert torch.equal(getattr(resumed.gaussians, name), getattr(straight.gaussians, name)), name
        assert torch.equal(getattr(resumed.moments.second, name), getattr(straight.moments.second, name)), name
    assert resumed.memory.keys() == straight.memory.keys()
    assert all(torch.equal(resumed.memory[name], tensor) for name, tensor in straight.memory.items())


def test_one_seed_repeats_and_another_does_not():
    first, again, other = (go_on(FitState.start(SETTINGS, seed), steps=3) for seed in (1, 1, 2))
    assert torch.equal(first.gaussians.means, again.gaussians.means)
    assert not torch.equal(first.gaussians.means[:60], other.gaussians.means[:60])


def test_a_file_that_is_no_fit_is_refused(tmp_path):
    path = tmp_path / "fit.safetensors"
    with pytest.raises(InputError, match=r"fit.safetensors cannot be read"):
        FitState.load(path)
    path.write_bytes(b"not a safetensors file")
    with pytest.raises(InputError, match=r"cannot be read.*Start the fit anew"):
        FitState.load(path)


def test_settings_may_change_between_save_and_load(tmp_path):
    state = go_on(FitState.start(SETTINGS, seed=0), steps=2)
    state.save(tmp_path / "fit.safetensors")
    loaded = FitState.load(tmp_path / "fit.safetensors")
    rasterizer, truth = ReferenceRasterizer(), lobed_ball(50)
    longer = replace(SETTINGS, steps=14)
    prior, subject = known_prior(rasterizer, truth, 16), known_subject(rasterizer, truth, 16)
    assert [step.step for step in fit(loaded, rasterizer, prior, subject, longer)] == list(range(3, 15))


@pytest.mark.parametrize("method", ["ism", "sir"])
def test_every_method_goes_on_bit_for_bit(method, tmp_path):
    """`sir` remembers images that are in use for three steps: the state is saved between two of these."""
    distill = DistillSettings(method=method, targets=TargetSettings(every=3, views=2, stride=0.5))
    settings = replace(SETTINGS, steps=6, distill=distill)
    straight = go_on(FitState.start(settings, seed=3), settings=settings)
    half = go_on(FitState.start(settings, seed=3), steps=4, settings=settings)
    assert len(half.targets) == (method == "sir")
    half.save(tmp_path / "half.safetensors")
    resumed = go_on(FitState.load(tmp_path / "half.safetensors"), settings=settings)
    assert resumed.losses == straight.losses
    assert torch.equal(resumed.gaussians.means, straight.gaussians.means)


class GuessingPrior(AnalyticPrior):
    """Knows points of the surface, too, but no more than there are."""

    def surface_points(self, count: int, generator: torch.Generator) -> tuple[torch.Tensor, torch.Tensor]:
        points = torch.rand(min(count, 1000), 3, generator=generator)
        return points, torch.full_like(points, 0.25)


def guessing_prior() -> GuessingPrior:
    return GuessingPrior(**vars(known_prior(ReferenceRasterizer(), lobed_ball(10), 8)))


def test_a_fit_starts_on_the_surface_that_the_prior_guesses() -> None:
    state = FitState.start(FitSettings(initial_count=300), 0, guessing_prior())
    assert len(state.gaussians) == 300
    assert torch.allclose(state.gaussians.base_colors, torch.tensor(0.25))


def test_a_fit_starts_in_a_ball_where_it_is_told_to_or_the_guess_is_next_to_nothing() -> None:
    ball = Gaussians.in_ball(300, 0.5, torch.Generator().manual_seed(0)).means
    told = FitState.start(FitSettings(initial_count=300, start="ball"), 0, guessing_prior())
    assert torch.equal(told.gaussians.means, ball)
    assert torch.equal(FitState.start(FitSettings(initial_count=300), 0).gaussians.means, ball)
    few = FitSettings(initial_count=50)
    assert not torch.equal(FitState.start(few, 0, guessing_prior()).gaussians.sh, torch.full((50, 1, 3), 0.25))
