"""The analytic prior knows a scene exactly, so it must find out from where an image of it was taken."""

from dataclasses import dataclass, replace
from pathlib import Path

import pytest
import torch

from dreamgaussian.core.camera import Camera
from dreamgaussian.core.errors import ConfigError
from dreamgaussian.core.image import unpremultiply
from dreamgaussian.guidance.analytic import AnalyticPrior
from dreamgaussian.guidance.spec import PriorSpec
from dreamgaussian.inputs.settings import PosedImage, SubjectSettings
from dreamgaussian.inputs.subject import Crop, Subject, View
from dreamgaussian.priors.elevation import HYPOTHESES_DEG, denoising_error, estimate_elevation, likeliest_elevation
from dreamgaussian.priors.registry import PriorRecord
from dreamgaussian.runs.opening import open_run
from runs.small_run import SETTINGS, BallPrior

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


IMAGE = Path(__file__).parents[2] / "examples" / "hamburger.png"
ASKING = replace(SETTINGS, subject=SubjectSettings(estimate_elevation=True, image_size=64))


def opener(openings: list[Subject]) -> PriorRecord:
    """The record of a prior that sees elevations; notes what it was opened on."""

    def open_(subject: Subject, *_: object) -> Aware:
        openings.append(subject)
        return Aware(known(0.2).spec, shaded_disc)

    return PriorRecord(known(0.2).spec, open_, estimates_elevation=True)


def test_a_run_goes_on_with_the_elevation_that_the_prior_told():
    """The image is decoded and cut out once, and the prior opened once."""
    openings: list[Subject] = []
    run = open_run(IMAGE, ASKING, prior=opener(openings))
    told = run.config.subject.elevation_deg
    assert not run.config.subject.estimate_elevation
    assert told != 0
    (view,) = run.subject.views
    assert view.camera.elevation_deg == pytest.approx(told)
    assert len(openings) == 1
    assert view.image is openings[0].views[0].image
    again = open_run(IMAGE, run.config, prior=opener(openings)).subject.views[0]
    assert torch.equal(again.camera.camera_from_world, view.camera.camera_from_world)
    assert torch.equal(again.image, view.image)


def test_further_images_are_framed_by_the_elevation_that_was_told():
    openings: list[Subject] = []
    views = (PosedImage(str(IMAGE), 180.0),)
    run = open_run(IMAGE, replace(ASKING, subject=replace(ASKING.subject, views=views)), prior=opener(openings))
    told = run.config.subject.elevation_deg
    assert told != 0
    assert [view.camera.elevation_deg for view in openings[-1].views] == pytest.approx([told, told])


def test_a_prior_that_is_ready_tells_it_too_and_one_that_cannot_says_so():
    assert open_run(IMAGE, ASKING, prior=Aware(known(0.2).spec, shaded_disc)).config.subject.elevation_deg != 0
    with pytest.raises(ConfigError, match=r"The prior ball cannot tell the elevation of an image, as docs/priors\.md"):
        open_run(IMAGE, ASKING, prior=BallPrior())
