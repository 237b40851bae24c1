from dataclasses import replace
from itertools import islice

import pytest
import torch

from dreamgaussian.core.camera import Camera
from dreamgaussian.core.gaussians import Gaussians
from dreamgaussian.fitting.distillation import (
    RenderRecorder,
    StepContext,
    WeightedPrior,
    choose_guidance_method,
    groups,
    guidance_scale,
    opacity_loss,
)
from dreamgaussian.fitting.loop import fit
from dreamgaussian.fitting.settings import DistillSettings, FitSettings, ReferenceSettings, TargetSettings
from dreamgaussian.fitting.state import FitState
from dreamgaussian.guidance.analytic import AnalyticPrior
from dreamgaussian.guidance.cameras import ring_of_cameras
from dreamgaussian.guidance.spec import CameraDomain, PriorSpec, SuggestedSettings
from dreamgaussian.inputs.subject import Subject
from dreamgaussian.priors.registry import prior_record
from dreamgaussian.raster.cpu import CpuRasterizer
from dreamgaussian.raster.reference import ReferenceRasterizer
from fitting.known_object import known_prior, lobed_ball, psnr_at

START = StepContext(step=0, progress=0.0, input_elevation_deg=0.0)
GREY = Gaussians.in_ball(50, 0.5, torch.Generator().manual_seed(0))


def grey_prior(name: str, background: float | None, views: int = 1) -> AnalyticPrior:
    """Wants grey everywhere."""
    spec = PriorSpec(name, 16, background, views_per_sample=views, view_spacing_deg=90.0 if views > 1 else 0.0)
    return AnalyticPrior(spec, lambda camera: torch.full((spec.channels, 16, 16), 0.5))


def losses(guides: list[WeightedPrior], recorder: RenderRecorder, **settings) -> float:
    method = choose_guidance_method(guides, DistillSettings(**settings))
    return method.loss(recorder, START, (), torch.Generator().manual_seed(0))[0].item()


@pytest.mark.parametrize("method", ["sds", "csd", "nfsd", "sdi", "ism", "sir"])
def test_every_method_approaches_a_known_object(method):
    """From views alone; guidance above 1 gives the variants that live on it something to follow."""
    rasterizer, truth = CpuRasterizer(), lobed_ball(1000)
    views = tuple((azimuth, 0.0) for azimuth in range(-180, 180, 60))
    prior = known_prior(rasterizer, truth, 16, views)
    prior = replace(prior, suggested=SuggestedSettings(guidance_scale=1.5, weighting="reconstruction"))
    targets = TargetSettings(every=10, views=6)
    settings = FitSettings(steps=60, initial_count=500, distill=DistillSettings(method=method, targets=targets))
    state = FitState.start(settings, seed=0)

    def mean_psnr() -> float:
        cameras = [Camera.orbit(*view, 16) for view in views]
        return sum(psnr_at(camera, rasterizer, state.gaussians, truth) for camera in cameras) / len(cameras)

    before = mean_psnr()
    for _ in fit(state, rasterizer, prior, Subject(prompt="a known object"), settings):
        pass
    assert mean_psnr() > before + 2


def test_one_render_feeds_priors_with_different_backgrounds():
    """Over black, over white and as RGBA: three losses and one image drawn."""
    guides = [
        WeightedPrior(grey_prior("black", 0.0)),
        WeightedPrior(grey_prior("white", 1.0), 0.5),
        WeightedPrior(grey_prior("rgba", None), 2),
    ]
    recorder = RenderRecorder(GREY, ReferenceRasterizer())
    losses(guides, recorder)
    assert len(recorder.renders) == 1
    quartet = WeightedPrior(grey_prior("four", 1.0, views=4))
    assert [[guide.prior.spec.name for guide in group] for group in groups([*guides, quartet])] == [
        ["black", "white", "rgba"],
        ["four"],
    ]
    losses([*guides, quartet], recorder)
    assert len(recorder.renders) == 1 + 1 + 4


def test_losses_add_up_with_their_weights():
    """`sdi` draws no noise that matters, so a prior's loss does not depend on what others drew."""
    rasterizer = ReferenceRasterizer()
    black, white = grey_prior("black", 0.0), grey_prior("white", 1.0)
    alone = [losses([WeightedPrior(prior)], RenderRecorder(GREY, rasterizer), method="sdi") for prior in (black, white)]
    both = losses(
        [WeightedPrior(black, 2.0), WeightedPrior(white, 0.25)], RenderRecorder(GREY, rasterizer), method="sdi"
    )
    assert both == pytest.approx(2 * alone[0] + 0.25 * alone[1], rel=1e-5)


def test_targets_are_kept_until_the_next_time():
    settings = FitSettings(
        steps=5,
        initial_count=50,
        reference=ReferenceSettings(size=16),
        distill=DistillSettings(method="sir", targets=TargetSettings(every=3, views=2, stride=0.5)),
    )
    state = FitState.start(settings, seed=0)
    guides = [WeightedPrior(grey_prior("black", 0.0)), WeightedPrior(grey_prior("four", 1.0, views=4), 0.5)]
    kept = [state.targets for _ in islice(fit(state, ReferenceRasterizer(), guides, Subject(), settings), 5)]
    assert [tuple(target.images.shape) for target in kept[0]] == [(2, 1, 3, 16, 16), (2, 4, 3, 16, 16)]
    assert kept[0] is kept[1] is kept[2] is not kept[3] is kept[4]


def test_a_ring_goes_evenly_all_round():
    spec = PriorSpec("p", 64, None, views_per_sample=2, view_spacing_deg=180)
    ring = ring_of_cameras(spec, 3, (-30, 30), 64, torch.Generator().manual_seed(0))
    azimuths = torch.tensor([camera.azimuth_deg for sample in ring for camera in sample]).remainder(360).sort().values
    torch.testing.assert_close(azimuths.diff(), torch.full((5,), 60.0), atol=1e-3, rtol=0)
    fixed = replace(spec, domain=CameraDomain(fixed_views_deg=((0.0, 0.0), (90.0, 10.0), (180.0, 0.0))))
    ring = ring_of_cameras(fixed, 3, (-30, 30), 64, torch.Generator().manual_seed(0))
    assert {round(sample[0].azimuth_deg) for sample in ring} == {0, 90, 180}


def test_variants_without_need_of_strong_guidance_get_a_nominal_one():
    suggested = prior_record("stable-diffusion").suggested
    scales = {
        method: guidance_scale(suggested, DistillSettings(method=method)) for method in ("sds", "csd", "ism", "sir")
    }
    assert scales == {"sds": 100, "csd": 100, "ism": 7.5, "sir": 7.5}
    assert guidance_scale(prior_record("zero123").suggested, DistillSettings(method="sdi")) == 5
    assert guidance_scale(suggested, DistillSettings(method="sdi", guidance_scale=3.0)) == 3


def test_translucency_counts_half_transparent_pixels() -> None:
    spec = PriorSpec("small", 8, None)
    alpha = torch.zeros(1, 2, 16, 16)
    alpha[..., 8:] = 1.0
    assert float(opacity_loss(alpha, spec)) == 0
    alpha[0, 0, :8] = 0.5  # half of one view of two
    assert float(opacity_loss(alpha, spec)) == pytest.approx(8 * 8 / 4)


def test_a_prior_that_wants_it_makes_the_gaussians_opaque() -> None:
    rasterizer, truth = ReferenceRasterizer(), lobed_ball(100)
    softness: list[float] = []
    for weight in (0.0, 20.0):
        settings = FitSettings(steps=25, initial_count=100, distill=DistillSettings(opacity_loss_weight=weight))
        state = FitState.start(settings, seed=0)
        for _ in fit(state, rasterizer, known_prior(rasterizer, truth, 16), Subject(), settings):
            pass
        alpha = rasterizer.render(state.gaussians, Camera.orbit(30.0, 0.0, 16)).alpha
        softness.append(float((alpha * (1 - alpha)).mean()))
    assert softness[1] < 0.8 * softness[0]
