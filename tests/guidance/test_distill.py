import pytest
import torch

from dreamgaussian.core.camera import Camera
from dreamgaussian.guidance.analytic import AnalyticPrior
from dreamgaussian.guidance.distill import (
    annealed_time,
    ddim,
    denoise,
    guided_noise,
    invert,
    sample,
    sds_loss,
    to_prior_input,
)
from dreamgaussian.guidance.spec import PriorSpec

SPEC = PriorSpec("analytic", resolution=4, background=None)
CAMERAS = [[Camera.orbit(0, 0, 4)], [Camera.orbit(90, 10, 4)]]


def target(camera: Camera) -> torch.Tensor:
    """An image that tells the camera: a ramp, brighter with the azimuth."""
    return (torch.linspace(0.1, 0.6, 64).view(4, 4, 4) + camera.azimuth_deg / 400).float()


def test_guidance_extrapolates_from_the_unconditional_prediction():
    prior = AnalyticPrior(SPEC, target, std=0.3)
    x, t = torch.zeros(2, 1, 4, 4, 4), torch.full((2,), 0.5)
    conditional, unconditional = prior.predict_noise(x, t, CAMERAS, ("conditional", "unconditional"))
    for scale in (-1.0, 0.0, 1.0, 3.0):
        expected = unconditional + scale * (conditional - unconditional)
        torch.testing.assert_close(guided_noise(prior, x, t, CAMERAS, scale), expected)


@pytest.mark.parametrize(("scale", "guided"), [(0, 1.0), (1, 3.0), (5, 11.0), (-1, -1.0)])
def test_guidance_of_one_is_the_conditional_prediction(scale, guided):
    """Conditional 3, unconditional 1: 1 + s (3 - 1), as s counts in Imagen and diffusers (w + 1 of arXiv 2207.12598).

    So do guidance/zero123_utils.py (5) and sd_utils.py (100) of github.com/dreamgaussian/dreamgaussian.
    """
    answers = {"conditional": 3.0, "unconditional": 1.0}

    class Told(AnalyticPrior):
        def predict_noise(self, x_t, t, cameras, conditions):
            return torch.stack([torch.full_like(x_t, answers[condition]) for condition in conditions])

    prior = Told(SPEC, target, std=0.3)
    noise = guided_noise(prior, torch.zeros(2, 1, 4, 4, 4), torch.full((2,), 0.5), CAMERAS, scale)
    assert noise.unique().tolist() == [guided]


def test_sds_loss_has_the_given_gradient():
    x = torch.rand(2, 1, 4, 4, 4, requires_grad=True)
    gradient = torch.randn_like(x)
    sds_loss(x, gradient).backward()
    torch.testing.assert_close(x.grad, gradient / 2)


def test_time_is_annealed_linearly():
    assert [annealed_time(progress, 0.98, 0.02) for progress in (0, 0.5, 1)] == pytest.approx([0.98, 0.5, 0.02])


def test_denoising_pulls_images_to_the_target():
    prior = AnalyticPrior(SPEC, target, std=0.01)
    truth = torch.stack([torch.stack([target(camera) for camera in sample]) for sample in CAMERAS])
    generator = torch.Generator().manual_seed(0)
    start = torch.full_like(truth, 0.5)
    denoised = denoise(prior, start, CAMERAS, start_t=0.8, steps=10, scale=1.0, generator=generator)
    assert (denoised - truth).abs().max() < 0.03
    untouched = denoise(prior, start, CAMERAS, start_t=0.001, steps=2, scale=1.0, generator=generator)
    assert (untouched - start).abs().max() < 0.1


def test_inversion_leads_to_the_noise_from_which_ddim_comes_back():
    """In the limit of many steps (x_t - alpha mu) / sqrt(alpha^2 s^2 + sigma^2) stays what it was at x."""
    prior = AnalyticPrior(SPEC, target, std=0.3)
    x = torch.rand(2, 1, 4, 4, 4, generator=torch.Generator().manual_seed(0)) * 2 - 1
    mu = prior.encode(torch.stack([torch.stack([target(camera) for camera in sample]) for sample in CAMERAS]))
    t = torch.tensor([0.5, 0.8])
    x_t = invert(prior, x, CAMERAS, t, stride=0.004, scale=1)
    alpha, sigma = (level.view(-1, 1, 1, 1, 1) for level in prior.alpha_sigma(t))
    torch.testing.assert_close(
        x_t, alpha * mu + (x - mu) / 0.3 * (alpha**2 * 0.3**2 + sigma**2).sqrt(), atol=0.02, rtol=0.02
    )
    times = t * torch.linspace(1, 0, 200)[:, None]
    torch.testing.assert_close(ddim(prior, x_t, CAMERAS, times, 1)[1], x, atol=0.03, rtol=0)


def test_samples_have_the_prior_mean_and_spread():
    prior = AnalyticPrior(SPEC, target, std=0.2)
    cameras = [CAMERAS[0]] * 400
    samples = sample(prior, cameras, steps=40, scale=1.0, generator=torch.Generator().manual_seed(0), start_t=0.999)
    inside = samples[:, 0, 2]  # far enough from black and white that clamping does not bite
    assert (inside.mean(dim=0) - target(CAMERAS[0][0])[2]).abs().max() < 0.03
    assert inside.std(dim=0).mean() == pytest.approx(0.1, rel=0.15)  # x has 0.2, images half of it


def test_observing_composites_over_the_background_and_averages_down():
    color, alpha = torch.full((1, 1, 8, 8, 3), 0.2), torch.full((1, 1, 8, 8), 0.5)
    rgb = to_prior_input(color, alpha, PriorSpec("rgb", 4, background=1.0))
    assert rgb.shape == (1, 1, 3, 4, 4)
    torch.testing.assert_close(rgb, torch.full_like(rgb, 0.7))
    black = to_prior_input(color, alpha, PriorSpec("rgb", 4, background=1.0), background=0.0)
    torch.testing.assert_close(black, torch.full_like(black, 0.2))
    rgba = to_prior_input(color, alpha, SPEC)
    assert rgba.shape == (1, 1, 4, 4, 4)
    torch.testing.assert_close(rgba[0, 0, :, 0, 0], torch.tensor([0.2, 0.2, 0.2, 0.5]))


def test_observing_interpolates_small_renders_up():
    rgba = to_prior_input(torch.full((1, 1, 2, 2, 3), 0.3), torch.ones(1, 1, 2, 2), SPEC)
    torch.testing.assert_close(rgba[:, :, :3], torch.full((1, 1, 3, 4, 4), 0.3))
