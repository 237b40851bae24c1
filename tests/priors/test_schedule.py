import math

import pytest
import torch

from dreamgaussian.core.errors import WeightsUnavailable
from dreamgaussian.priors.schedule import Schedule
from priors.tiny_checkpoints import SCHEDULER

CPU = torch.device("cpu")


def test_the_first_step_of_stable_diffusion_keeps_all_but_the_first_beta():
    schedule = Schedule.from_config(SCHEDULER, CPU)
    alpha, sigma = schedule.alpha_sigma(torch.tensor([0.0]))
    assert alpha.item() == pytest.approx(math.sqrt(1 - 0.00085))
    assert sigma.item() == pytest.approx(math.sqrt(0.00085), rel=1e-4)


def test_the_last_step_of_stable_diffusion_is_nearly_noise():
    """alpha_bar of step 999 is 0.00466: arXiv 2305.08891, table 1, gives its square root as 0.068265."""
    alpha, _ = Schedule.from_config(SCHEDULER, CPU).alpha_sigma(torch.tensor([1.0]))
    assert alpha.item() == pytest.approx(0.068265, abs=1e-5)


def test_time_goes_to_the_nearest_training_step():
    steps = Schedule.from_config(SCHEDULER, CPU).steps(torch.tensor([0.0, 0.0204, 0.5, 0.98, 1.0]))
    assert steps.tolist() == [0, 20, 500, 980, 999]


def test_velocity_is_turned_into_noise():
    """v = alpha eps - sigma x, so alpha v + sigma x_t is eps again."""
    schedule = Schedule.from_config({**SCHEDULER, "prediction_type": "v_prediction"}, CPU)
    x, eps = torch.randn(2, 2, 1, 4, 8, 8, generator=torch.Generator().manual_seed(0))
    t = torch.tensor([0.1, 0.7])
    alpha, sigma = (level.view(-1, 1, 1, 1, 1) for level in schedule.alpha_sigma(t))
    noise = schedule.noise((alpha * eps - sigma * x)[None], alpha * x + sigma * eps, t)
    torch.testing.assert_close(noise[0], eps)


def test_epsilon_is_left_as_it_is():
    output = torch.ones(1, 1, 1, 4, 2, 2)
    assert Schedule.from_config(SCHEDULER, CPU).noise(output, output[0], torch.tensor([0.5])) is output


@pytest.mark.parametrize("change", [{"prediction_type": "sample"}, {"beta_schedule": "squaredcos_cap_v2"}])
def test_an_unknown_schedule_is_refused_by_name(change):
    with pytest.raises(WeightsUnavailable, match=next(iter(change.values()))):
        Schedule.from_config({**SCHEDULER, **change}, CPU)
