import math

import pytest
import torch

from dreamgaussian.camera import Camera
from dreamgaussian.guidance import PriorSpec
from dreamgaussian.guidance.analytic import AnalyticPrior
from dreamgaussian.guidance.distill import annealed_time, denoise, observe, sample, sds_gradient, sds_loss

SPEC = PriorSpec("analytic", resolution=4, background=None)
CAMERAS = [[Camera.orbit(0, 0, 4)], [Camera.orbit(90, 10, 4)]]


def target(camera: Camera) -> torch.Tensor:
    """A picture that tells the camera: a ramp, brighter with the azimuth."""
    return (torch.linspace(0.1, 0.6, 64).view(4, 4, 4) + camera.azimuth_deg / 400).float()


def closed_form(prior: AnalyticPrior, x: torch.Tensor, t: float, weighting: str) -> torch.Tensor:
    """w sigma alpha (x - mu) / (alpha² s² + sigma²)."""
    alpha, sigma = (level.item() for level in prior.alpha_sigma(torch.tensor([t])))
    weight = {"sigma_squared": sigma**2, "uniform": 1.0, "reconstruction": sigma / alpha}[weighting]
    mu = prior.encode(torch.stack([torch.stack([target(camera) for camera in sample]) for sample in CAMERAS]))
    return weight * sigma * alpha * (x - mu) / (alpha**2 * prior.std**2 + sigma**2)


@pytest.mark.parametrize("weighting", ["sigma_squared", "uniform", "reconstruction"])
@pytest.mark.parametrize("t", [0.2, 0.5, 0.9])
def test_mean_sds_gradient_is_the_closed_form(weighting, t):
    prior = AnalyticPrior(SPEC, target, std=0.3)
    generator = torch.Generator().manual_seed(0)
    x = torch.rand(2, 1, 4, 4, 4, generator=generator) * 2 - 1
    draws, batch = 2000, 50
    many, cameras = x.repeat(batch, 1, 1, 1, 1), CAMERAS * batch
    gradients = []
    for _ in range(draws // batch):
        eps = torch.randn(many.shape, generator=generator)
        times = torch.full((len(many),), t)
        gradients.append(sds_gradient(prior, many, times, eps, cameras, scale=1.0, weighting=weighting))
    gradients = torch.cat(gradients).unflatten(0, (draws, 2))
    standard_error = gradients.std(dim=0) / math.sqrt(draws)
    deviation = (gradients.mean(dim=0) - closed_form(prior, x, t, weighting)) / standard_error
    assert deviation.abs().max() < 5
    assert deviation.square().mean() == pytest.approx(1, abs=0.5)  # the standard error explains the whole deviation


def test_opposite_noise_cancels_to_the_closed_form_exactly():
    prior = AnalyticPrior(SPEC, target, std=0.3)
    x = torch.rand(2, 1, 4, 4, 4, dtype=torch.float64, generator=torch.Generator().manual_seed(1)) * 2 - 1
    eps = torch.randn(x.shape, dtype=torch.float64, generator=torch.Generator().manual_seed(2))
    t = torch.full((2,), 0.7, dtype=torch.float64)
    pair = [sds_gradient(prior, x, t, s * eps, CAMERAS, scale=1.0, weighting="sigma_squared") for s in (1, -1)]
    torch.testing.assert_close(sum(pair) / 2, closed_form(prior, x, 0.7, "sigma_squared"), atol=1e-6, rtol=1e-6)


def test_reconstruction_gradient_points_from_the_predicted_picture():
    prior = AnalyticPrior(SPEC, target, std=1e-3)
    x = torch.zeros(2, 1, 4, 4, 4)
    gradient = sds_gradient(
        prior, x, torch.full((2,), 0.5), torch.zeros_like(x), CAMERAS, scale=1.0, weighting="reconstruction"
    )
    mu = prior.encode(torch.stack([torch.stack([target(camera) for camera in sample]) for sample in CAMERAS]))
    torch.testing.assert_close(x - gradient, mu, atol=1e-4, rtol=0)


def test_bounded_priors_clamp_the_reconstruction():
    bounded = AnalyticPrior(PriorSpec("analytic", 4, None, x_bound=0.2), target, std=1e-3)
    x = torch.zeros(2, 1, 4, 4, 4)
    gradient = sds_gradient(
        bounded, x, torch.full((2,), 0.5), torch.zeros_like(x), CAMERAS, scale=1.0, weighting="reconstruction"
    )
    assert gradient.abs().max() == pytest.approx(0.2)


def test_guidance_extrapolates_from_the_unconditional_prediction():
    prior = AnalyticPrior(SPEC, target, std=0.3)
    x, t = torch.zeros(2, 1, 4, 4, 4), torch.full((2,), 0.5)
    conditional, unconditional = prior.predict_noise(x, t, CAMERAS, ("conditional", "unconditional"))
    gradient = sds_gradient(prior, x, t, x, CAMERAS, scale=3.0, weighting="uniform")
    torch.testing.assert_close(gradient, unconditional + 3 * (conditional - unconditional))


def test_sds_loss_has_the_given_gradient():
    x = torch.rand(2, 1, 4, 4, 4, requires_grad=True)
    gradient = torch.randn_like(x)
    sds_loss(x, gradient).backward()
    torch.testing.assert_close(x.grad, gradient / 2)


def test_time_is_annealed_linearly():
    assert [annealed_time(progress, 0.98, 0.02) for progress in (0, 0.5, 1)] == pytest.approx([0.98, 0.5, 0.02])


def test_denoising_pulls_pictures_to_the_target():
    prior = AnalyticPrior(SPEC, target, std=0.01)
    truth = torch.stack([torch.stack([target(camera) for camera in sample]) for sample in CAMERAS])
    generator = torch.Generator().manual_seed(0)
    start = torch.full_like(truth, 0.5)
    denoised = denoise(prior, start, CAMERAS, start_t=0.8, steps=10, scale=1.0, generator=generator)
    assert (denoised - truth).abs().max() < 0.03
    untouched = denoise(prior, start, CAMERAS, start_t=0.001, steps=2, scale=1.0, generator=generator)
    assert (untouched - start).abs().max() < 0.1


def test_samples_have_the_prior_mean_and_spread():
    prior = AnalyticPrior(SPEC, target, std=0.2)
    cameras = [CAMERAS[0]] * 400
    samples = sample(prior, cameras, steps=40, scale=1.0, generator=torch.Generator().manual_seed(0), start_t=0.999)
    inside = samples[:, 0, 2]  # far enough from black and white that clamping does not bite
    assert (inside.mean(dim=0) - target(CAMERAS[0][0])[2]).abs().max() < 0.03
    assert inside.std(dim=0).mean() == pytest.approx(0.1, rel=0.15)  # x has 0.2, pictures half of it


def test_observing_composites_over_the_background_and_averages_down():
    color, alpha = torch.full((1, 1, 8, 8, 3), 0.2), torch.full((1, 1, 8, 8), 0.5)
    rgb = observe(color, alpha, PriorSpec("rgb", 4, background=1.0))
    assert rgb.shape == (1, 1, 3, 4, 4)
    torch.testing.assert_close(rgb, torch.full_like(rgb, 0.7))
    black = observe(color, alpha, PriorSpec("rgb", 4, background=1.0), background=0.0)
    torch.testing.assert_close(black, torch.full_like(black, 0.2))
    rgba = observe(color, alpha, SPEC)
    assert rgba.shape == (1, 1, 4, 4, 4)
    torch.testing.assert_close(rgba[0, 0, :, 0, 0], torch.tensor([0.2, 0.2, 0.2, 0.5]))


def test_observing_interpolates_small_renders_up():
    rgba = observe(torch.full((1, 1, 2, 2, 3), 0.3), torch.ones(1, 1, 2, 2), SPEC)
    torch.testing.assert_close(rgba[:, :, :3], torch.full((1, 1, 3, 4, 4), 0.3))
