from dataclasses import replace

import pytest
import torch

from dreamgaussian.core.camera import Camera
from dreamgaussian.core.errors import ConfigError
from dreamgaussian.fitting.distillation import check_spec
from dreamgaussian.fitting.settings import DistillSettings
from dreamgaussian.guidance.analytic import AnalyticPrior
from dreamgaussian.guidance.distill import guided_noise
from dreamgaussian.guidance.perp_neg import negative_weights, perp_neg_direction, perpendicular, view_shares
from dreamgaussian.priors.registry import prior_record


def seen_from(azimuth: float, elevation: float = 0) -> Camera:
    return Camera.orbit(azimuth, elevation, 8)


@pytest.mark.parametrize(
    ("azimuth", "elevation", "shares"),
    [
        (0, 0, {"front view": 1.0, "side view": 0.0}),
        (45, -20, {"front view": 0.5, "side view": 0.5}),
        (-67.5, 0, {"front view": 0.25, "side view": 0.75}),
        (90, 0, {"side view": 1.0, "back view": 0.0}),
        (-135, 30, {"side view": 0.5, "back view": 0.5}),
        (180, 0, {"side view": 0.0, "back view": 1.0}),
        (20, 61, {"overhead view": 1.0}),
    ],
)
def test_two_views_share_the_quarter_turn_between_them(azimuth, elevation, shares):
    assert view_shares(seen_from(azimuth, elevation)) == pytest.approx(shares, abs=1e-9)


@pytest.mark.parametrize(
    ("azimuth", "elevation", "front", "side"),
    [
        (0, 0, 0.0, -1.574),  # -(4 e^-0.5 - 2.426) = -0.0001, -(4 - 2.426)
        (45, 0, -0.6892, -0.6892),  # -(4 e^-0.25 - 2.426)
        (89.999, 0, -1.574, 0.0),
        (90, 0, -1.5735, 0.0),  # -(e^-0.5 + 0.967), -(e^-0.5 - 0.606)
        (135, 0, -1.7458, -0.1728),  # -(e^-0.25 + 0.967), -(e^-0.25 - 0.606)
        (180, 0, -1.967, -0.394),
        (0, 70, 0.0, 0.0),
    ],
)
def test_the_front_is_most_wrong_at_the_back(azimuth, elevation, front, side):
    assert negative_weights(seen_from(azimuth, elevation)) == pytest.approx((front, side), abs=1e-3)


def test_what_is_perpendicular_is_left():
    axis = torch.tensor([2.0, 0, 0]).view(1, 1, 3, 1, 1)
    vector = torch.tensor([3.0, 4, 5]).view(1, 1, 3, 1, 1)
    assert perpendicular(vector, axis).flatten().tolist() == [0, 4, 5]
    assert perpendicular(vector, torch.zeros_like(axis)).flatten().tolist() == [3, 4, 5]


class Worded(AnalyticPrior):
    """Predicts (1, 1) without words, (3, 1) for the right ones, (1, 2) for the front and (2, 3) for the side."""

    def predict_noise(self, x_t, t, cameras, conditions):
        noises = {
            "unconditional": [1.0, 1.0],
            "between views": [3.0, 1.0],
            "front view": [1.0, 2.0],
            "side view": [2.0, 3.0],
        }
        rows = [torch.tensor(noises[condition]).view(1, 1, 2, 1, 1) for condition in conditions]
        return torch.stack([row.expand(len(cameras), 1, 2, 1, 1) for row in rows])


PRIOR = Worded(prior_record("stable-diffusion").spec, target=lambda camera: torch.zeros(3, 8, 8))


def test_guidance_goes_away_from_the_wrong_views_but_not_from_the_right_one():
    """e_pos = (2, 0); e_front = (0, 1) and e_side = (1, 2) keep (0, 1) and (0, 2) across it. At azimuth 135 the weights
    are -1.7458 and -0.1728: the direction is (2, -1.7458 - 2 x 0.1728) = (2, -2.0914); at 70 degrees up it is e_pos.
    """
    cameras = [[seen_from(135)], [seen_from(0, 70)]]
    x_t, t = torch.zeros(2, 1, 2, 1, 1), torch.full((2,), 0.5)
    unconditional, direction = perp_neg_direction(PRIOR, x_t, t, cameras)
    assert unconditional.flatten().tolist() == [1, 1, 1, 1]
    assert direction.flatten().tolist() == pytest.approx([2, -2.0914, 2, 0], abs=1e-3)
    guided = guided_noise(PRIOR, x_t, t, cameras, 10.0, perp_neg=True)
    assert guided.flatten().tolist() == pytest.approx([21, 1 - 20.914, 21, 1], abs=1e-2)


def test_only_priors_whose_prompts_name_the_view_can_do_it():
    settings = replace(DistillSettings(), perp_neg=True)
    check_spec(prior_record("sdxl").spec, settings)
    for name in ("mini", "mvdream", "zero123"):
        with pytest.raises(ConfigError, match=f"Perp-Neg needs a prior whose prompts name the view, and {name} is"):
            check_spec(prior_record(name).spec, settings)
