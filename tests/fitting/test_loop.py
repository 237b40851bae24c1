import math
from dataclasses import replace

import pytest
import torch

from dreamgaussian.core.camera import Camera
from dreamgaussian.core.errors import Diverged, EmptyResult
from dreamgaussian.fitting.densify.settings import DensitySettings
from dreamgaussian.fitting.loop import fit
from dreamgaussian.fitting.settings import DistillSettings, FitSettings, ReferenceSettings
from dreamgaussian.fitting.state import FitState
from dreamgaussian.guidance.cameras import elevation_range, random_cameras
from dreamgaussian.guidance.spec import CameraDomain, PriorSpec
from dreamgaussian.inputs.subject import Subject
from dreamgaussian.raster.cpu import CpuRasterizer
from dreamgaussian.raster.reference import ReferenceRasterizer
from fitting.known_object import known_prior, known_subject, lobed_ball, psnr_at

SMALL = FitSettings(steps=4, initial_count=50, reference=ReferenceSettings(size=16))


@pytest.mark.parametrize("weighting", ["reconstruction", "sigma_squared"])
def test_the_fit_recovers_a_known_object_from_views_alone(weighting):
    rasterizer, truth = CpuRasterizer(), lobed_ball()
    views = tuple((azimuth, elevation) for elevation in (-25.0, 0.0, 25.0) for azimuth in range(-180, 180, 30))
    prior = known_prior(rasterizer, truth, 64, views)
    settings = FitSettings(
        steps=600, initial_count=3000, distill=DistillSettings(weighting=weighting, render_scales=(1.0, 2.0))
    )
    state = FitState.start(settings, seed=0)
    for _ in fit(state, rasterizer, prior, Subject(prompt="a known object"), settings):
        pass

    def mean_psnr(views_deg: list[tuple[float, float]]) -> float:
        cameras = [Camera.orbit(*view, 64) for view in views_deg]
        return sum(psnr_at(camera, rasterizer, state.gaussians, truth) for camera in cameras) / len(cameras)

    assert mean_psnr(list(views)) > 30
    assert mean_psnr([(azimuth + 15, elevation) for azimuth in range(-180, 180, 30) for elevation in (-12, 12)]) > 25


def test_the_input_image_is_reproduced():
    rasterizer, truth = CpuRasterizer(), lobed_ball()
    prior, subject = known_prior(rasterizer, truth, 32), known_subject(rasterizer, truth, 128)
    settings = FitSettings(steps=300, initial_count=3000, reference=ReferenceSettings(size=128))
    state = FitState.start(settings, seed=0)
    for _ in fit(state, rasterizer, prior, subject, settings):
        pass
    camera = subject.views[0].camera
    assert psnr_at(camera, rasterizer, state.gaussians, truth) > 28


def test_snapshots_are_immutable_and_count_their_steps():
    rasterizer, truth = ReferenceRasterizer(), lobed_ball(100)
    steps = list(
        fit(
            FitState.start(SMALL, 0),
            rasterizer,
            known_prior(rasterizer, truth, 16),
            known_subject(rasterizer, truth, 16),
            SMALL,
        )
    )
    assert [(step.step, step.steps) for step in steps] == [(1, 4), (2, 4), (3, 4), (4, 4)]
    assert not torch.equal(steps[0].gaussians.means, steps[3].gaussians.means)
    assert all(math.isfinite(step.loss) for step in steps)
    last = steps[3]
    assert last.loss == pytest.approx(last.reference_loss + last.distillation_loss + last.surface_loss, rel=1e-5)


def test_each_of_several_images_counts_and_the_prior_counts_less():
    rasterizer, truth = ReferenceRasterizer(), lobed_ball(100)
    one = known_subject(rasterizer, truth, 16)
    settings = replace(SMALL, steps=1, reference=ReferenceSettings(size=16, warm_up=False))
    prior = known_prior(rasterizer, truth, 16)
    alone, thrice = (
        next(fit(FitState.start(settings, 0), rasterizer, prior, subject, settings))
        for subject in (one, Subject(one.views * 3))
    )
    assert thrice.reference_loss == pytest.approx(3 * alone.reference_loss, rel=1e-5)
    assert thrice.distillation_loss == pytest.approx(alone.distillation_loss / 9, rel=1e-5)


def test_a_diverged_fit_says_so_and_keeps_the_last_good_state():
    rasterizer, truth = ReferenceRasterizer(), lobed_ball(100)
    good = known_prior(rasterizer, truth, 16)
    calls = iter(range(100))
    broken = replace(good, target=lambda camera: good.target(camera) * (math.nan if next(calls) >= 2 else 1.0))
    state = FitState.start(SMALL, 0)
    with pytest.raises(Diverged, match=r"no longer finite at step 3.*last good Gaussians were kept"):
        list(fit(state, rasterizer, broken, Subject(), SMALL))
    assert state.step == 2
    assert state.gaussians.means.isfinite().all()


def test_a_fit_without_gaussians_says_what_to_change():
    rasterizer, truth = ReferenceRasterizer(), lobed_ball(100)
    settings = replace(SMALL, density=DensitySettings(start=0, end=1, every=2, max_scale=1e-6))
    with pytest.raises(EmptyResult, match=r"No Gaussian is left after step 2. Lower fit.density.min_opacity"):
        list(fit(FitState.start(settings, 0), rasterizer, known_prior(rasterizer, truth, 16), Subject(), settings))


def test_elevations_stay_within_what_the_prior_knows():
    spec = PriorSpec("p", 64, None, domain=CameraDomain(elevation_range_deg=(-20, 45)))
    assert elevation_range(spec, (-30, 30), 0) == (-20, 30)
    assert elevation_range(spec, (-30, 30), 30) == (0, 45)
    assert elevation_range(spec, (-30, 30), 90) == (45, 45)


def test_multi_view_samples_are_evenly_spaced():
    spec = PriorSpec("p", 64, None, views_per_sample=4, view_spacing_deg=90)
    cameras = random_cameras(spec, (-30, 30), 64, torch.Generator().manual_seed(0))
    azimuths = torch.tensor([camera.azimuth_deg for camera in cameras])
    torch.testing.assert_close((azimuths - azimuths[0]) % 360, torch.tensor([0.0, 90, 180, 270]), atol=1e-3, rtol=0)
    assert len({round(camera.elevation_deg, 4) for camera in cameras}) == 1


def test_random_views_cover_the_circle():
    spec, generator = PriorSpec("p", 64, None), torch.Generator().manual_seed(0)
    cameras = [random_cameras(spec, (-30, 30), 64, generator)[0] for _ in range(400)]
    azimuths = torch.tensor([camera.azimuth_deg for camera in cameras])
    assert torch.histc(azimuths, 8, -180, 180).min() > 30
    elevations = torch.tensor([camera.elevation_deg for camera in cameras])
    assert elevations.min() < -25
    assert elevations.max() > 25
