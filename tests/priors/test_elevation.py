"""The analytic prior knows a scene exactly, so it must find out from where an image of it was taken."""

from dataclasses import dataclass
from pathlib import Path

import pytest
import torch

from dreamgaussian import pipeline
from dreamgaussian.config import RunConfig
from dreamgaussian.core.camera import Camera
from dreamgaussian.core.errors import ConfigError
from dreamgaussian.core.image import unpremultiply
from dreamgaussian.guidance.analytic import AnalyticPrior
from dreamgaussian.guidance.spec import PriorSpec
from dreamgaussian.inputs.settings import SubjectSettings
from dreamgaussian.inputs.subject import Crop, View
from dreamgaussian.priors.elevation import HYPOTHESES_DEG, denoising_error, estimate_elevation, likeliest_elevation
from dreamgaussian.priors.settings import PriorSettings

SIZE = 24


def shaded_disc(camera: Camera) -> torch.Tensor:
    """A flat round table: premultiplied RGBA whose outline opens as the camera rises."""
    position, directions = camera.rays()
    distance = -position[1] / directions[..., 1]
    hit = position + directions * distance[..., None]
    alpha = torch.sigmoid((0.6 - hit[..., [0, 2]].norm(dim=-1)) / 0.05) * (distance > 0)
    color = torch.stack([alpha * 0.8, alpha * (hit[..., 0] / 2 + 0.5).clamp(0, 1), alpha * 0.2])
    return torch.cat([color, alpha[None]]).float()


def known(std: float) -> AnalyticPrior:
    spec = PriorSpec("analytic", resolution=SIZE, background=None)
    return AnalyticPrior(spec, shaded_disc, std=std)


def view_from(elevation_deg: float) -> View:
    camera = Camera.orbit(0, elevation_deg, 96)
    return View(unpremultiply(shaded_disc(camera).permute(1, 2, 0)), camera, Crop(1, (0, 0)))


@pytest.mark.parametrize("elevation", [7.0, 22.0, 40.0, 52.0])
def test_a_prior_that_knows_the_subject_tells_the_elevation(elevation):
    prior = known(std=0.2)
    found = likeliest_elevation(lambda _: prior, view_from(elevation), torch.Generator().manual_seed(0))
    assert found == pytest.approx(elevation, abs=3)


def test_the_best_of_the_outermost_hypotheses_is_taken_as_it_is():
    prior = known(std=0.2)
    assert likeliest_elevation(lambda _: prior, view_from(85), torch.Generator().manual_seed(0)) == HYPOTHESES_DEG[-1]


def test_all_hypotheses_meet_the_same_noise():
    view, generator = view_from(30), torch.Generator().manual_seed(3)
    state = generator.get_state()
    seen: list[float] = []

    def prior_at(elevation_deg: float) -> AnalyticPrior:
        seen.append(elevation_deg)
        return known(std=0.2)

    first = likeliest_elevation(prior_at, view, generator)
    assert seen == list(HYPOTHESES_DEG)
    assert torch.equal(generator.get_state(), state)
    assert first == likeliest_elevation(prior_at, view, generator)


def test_the_error_is_that_of_the_predicted_noise():
    """With x at the mean, eps_hat = sigma² eps / (alpha² s² + sigma²): the error follows from the levels alone."""
    prior = known(std=1e-4)
    view = View(torch.ones(96, 96, 4), Camera.orbit(0, 0, 96), Crop(1, (0, 0)))
    white = AnalyticPrior(prior.spec, lambda camera: torch.ones(4, SIZE, SIZE), std=1e-4)
    assert denoising_error(white, view, 0.0, torch.Generator().manual_seed(0)) < 1e-6
    assert denoising_error(prior, view, 0.0, torch.Generator().manual_seed(0)) > 1


def test_a_prior_that_does_not_see_elevations_says_so():
    with pytest.raises(ConfigError, match=r"The prior analytic cannot tell the elevation of an image\. Give it with"):
        estimate_elevation(known(std=0.2), view_from(30), torch.Generator())


@dataclass(frozen=True)
class Aware(AnalyticPrior):
    """One that takes every image for a shade of grey, the darkest for one from 30 degrees."""

    def at_elevation(self, elevation_deg: float) -> AnalyticPrior:
        return AnalyticPrior(self.spec, lambda _: torch.full((4, SIZE, SIZE), abs(elevation_deg - 30) / 100))


def test_a_run_goes_on_with_the_elevation_that_the_prior_told(monkeypatch):
    monkeypatch.setattr(pipeline, "fetch_weights", lambda *_: None)
    monkeypatch.setattr(pipeline, "open_prior", lambda *_, **__: Aware(known(0.2).spec, shaded_disc))
    config = RunConfig(
        prior=(PriorSettings("stable-zero123"),), subject=SubjectSettings(estimate_elevation=True, image_size=64)
    )
    run = pipeline.open_run(Path(__file__).parents[2] / "examples" / "hamburger.png", config)
    told = run.config.subject.elevation_deg
    assert not run.config.subject.estimate_elevation
    assert told != 0
    assert run.subject.views[0].camera.elevation_deg == pytest.approx(told)
