"""Every variant against the analytic prior, whose expected gradients have closed forms.

Notation: conditional images are N(mu, s^2), unconditional ones N(g, u^2); v = alpha^2 s^2 + sigma^2 and w likewise
with u are the variances of their x_t.
"""

import math
from dataclasses import replace

import pytest
import torch

from dreamgaussian.core.camera import Camera
from dreamgaussian.guidance.analytic import AnalyticPrior
from dreamgaussian.guidance.distill import INVERSION_START
from dreamgaussian.guidance.gradients import (
    GRADIENTS,
    ISM_INTERVAL,
    GradientContext,
    csd_gradient,
    ism_gradient,
    nfsd_gradient,
    sdi_gradient,
    sds_gradient,
)
from dreamgaussian.guidance.spec import PriorSpec

SPEC = PriorSpec("analytic", resolution=4, background=None)
CAMERAS = [[Camera.orbit(0, 0, 4)], [Camera.orbit(90, 10, 4)]]
S, U, GREY = 0.3, 0.5, 0.2
WEIGHTINGS = ["sigma_squared", "uniform", "reconstruction"]


def target(camera: Camera) -> torch.Tensor:
    """An image that tells the camera: a ramp, brighter with the azimuth."""
    return (torch.linspace(0.1, 0.6, 64).view(4, 4, 4) + camera.azimuth_deg / 400).float()


PRIOR = AnalyticPrior(SPEC, target, std=S, unconditional_mean=(GREY + 1) / 2, unconditional_std=U, negative_mean=0.1)
MU = PRIOR.encode(torch.stack([torch.stack([target(camera) for camera in sample]) for sample in CAMERAS]))


def levels(t: float) -> tuple[float, float]:
    return math.cos(t * math.pi / 2), math.sin(t * math.pi / 2)


def weight(t: float, weighting: str) -> float:
    alpha, sigma = levels(t)
    return {"sigma_squared": sigma**2, "uniform": 1.0, "reconstruction": sigma / alpha}[weighting]


def images(seed: int, dtype: torch.dtype = torch.float32) -> torch.Tensor:
    return torch.rand(2, 1, 4, 4, 4, dtype=dtype, generator=torch.Generator().manual_seed(seed)) * 2 - 1


def closed_form(x: torch.Tensor, t: float, weighting: str) -> torch.Tensor:
    """The mean of the SDS gradient: w sigma alpha (x - mu) / v."""
    alpha, sigma = levels(t)
    return weight(t, weighting) * sigma * alpha * (x - MU) / (alpha**2 * S**2 + sigma**2)


def at(t: float, noise: torch.Tensor, *, scale=1.0, weighting="uniform", prior=PRIOR) -> GradientContext:
    times = torch.full((len(noise),), t, dtype=noise.dtype)
    return GradientContext(prior, CAMERAS * (len(noise) // 2), times, noise, scale, weighting)


def mean_gradient(gradient, x: torch.Tensor, t: float, weighting: str, scale: float, prior=PRIOR) -> torch.Tensor:
    """Over the noise: the prior is linear, so two opposite draws have the exact mean."""
    eps = torch.randn(x.shape, dtype=x.dtype, generator=torch.Generator().manual_seed(2))
    pair = [gradient(x, at(t, sign * eps, scale=scale, weighting=weighting, prior=prior)) for sign in (1, -1)]
    return sum(pair) / 2


@pytest.mark.parametrize("weighting", WEIGHTINGS)
@pytest.mark.parametrize("t", [0.2, 0.5, 0.9])
def test_mean_sds_gradient_is_the_closed_form(weighting, t):
    generator = torch.Generator().manual_seed(0)
    x, draws, batch = images(0), 2000, 50
    many = x.repeat(batch, 1, 1, 1, 1)
    gradients = []
    for _ in range(draws // batch):
        eps = torch.randn(many.shape, generator=generator)
        gradients.append(sds_gradient(many, at(t, eps, weighting=weighting)))
    gradients = torch.cat(gradients).unflatten(0, (draws, 2))
    standard_error = gradients.std(dim=0) / math.sqrt(draws)
    deviation = (gradients.mean(dim=0) - closed_form(x, t, weighting)) / standard_error
    assert deviation.abs().max() < 5
    assert deviation.square().mean() == pytest.approx(1, abs=0.5)  # the standard error explains the whole deviation


def test_opposite_noise_cancels_to_the_closed_form_exactly():
    x = images(1, torch.float64)
    expected = closed_form(x, 0.7, "sigma_squared")
    torch.testing.assert_close(mean_gradient(sds_gradient, x, 0.7, "sigma_squared", 1.0), expected, atol=1e-6, rtol=0)


def test_reconstruction_gradient_points_from_the_predicted_image():
    sure, x = replace(PRIOR, std=1e-3), torch.zeros(2, 1, 4, 4, 4)
    gradient = sds_gradient(x, at(0.5, x, weighting="reconstruction", prior=sure))
    torch.testing.assert_close(x - gradient, MU, atol=1e-4, rtol=0)


def test_bounded_priors_clamp_the_reconstruction():
    bounded, x = replace(PRIOR, spec=replace(SPEC, x_bound=0.2), std=1e-3), torch.zeros(2, 1, 4, 4, 4)
    gradient = sds_gradient(x, at(0.5, x, weighting="reconstruction", prior=bounded))
    assert gradient.abs().max() == pytest.approx(0.2)


@pytest.mark.parametrize("weighting", WEIGHTINGS)
def test_mean_csd_gradient_is_guidance_alone(weighting):
    """w s sigma alpha ((x - mu) / v - (x - g) / w_u)."""
    x, t, scale = images(3, torch.float64), 0.6, 7.5
    alpha, sigma = levels(t)
    v, w = alpha**2 * S**2 + sigma**2, alpha**2 * U**2 + sigma**2
    expected = weight(t, weighting) * scale * sigma * alpha * ((x - MU) / v - (x - GREY) / w)
    torch.testing.assert_close(mean_gradient(csd_gradient, x, t, weighting, scale), expected, atol=1e-4, rtol=1e-4)


def test_csd_has_less_variance_than_sds():
    """Its reference holds most of the drawn noise: the coefficient of eps is 1 - v / w_u times smaller, here."""
    x, spread = images(3), {}
    for gradient in (sds_gradient, csd_gradient):
        generator = torch.Generator().manual_seed(0)
        draws = [gradient(x, at(0.9, torch.randn(x.shape, generator=generator))) for _ in range(50)]
        spread[gradient] = torch.stack(draws).std(dim=0).mean()
    alpha, sigma = levels(0.9)
    v, w = alpha**2 * S**2 + sigma**2, alpha**2 * U**2 + sigma**2
    expected = abs(sigma**2 / v - sigma**2 / w) / (1 - sigma**2 / v)
    assert spread[csd_gradient] / spread[sds_gradient] == pytest.approx(expected, rel=1e-3)


def test_nfsd_drops_the_noise_at_small_t():
    """delta_D is eps_uncond whole: w sigma alpha ((x - g) / w_u + s ((x - mu) / v - (x - g) / w_u))."""
    x, t, scale = images(4, torch.float64), 0.15, 7.5
    alpha, sigma = levels(t)
    v, w = alpha**2 * S**2 + sigma**2, alpha**2 * U**2 + sigma**2
    expected = sigma * alpha * ((x - GREY) / w + scale * ((x - MU) / v - (x - GREY) / w))
    torch.testing.assert_close(mean_gradient(nfsd_gradient, x, t, "uniform", scale), expected, atol=1e-5, rtol=1e-5)


def test_nfsd_points_away_from_the_bad_image_at_larger_t():
    """delta_D = eps_uncond - eps_negative = sigma alpha (n - g) / w_u, whatever the noise, where both spread alike."""
    knowing = replace(PRIOR, spec=replace(SPEC, conditions=("conditional", "unconditional", "negative")))
    x, t, scale = images(4, torch.float64), 0.5, 7.5
    alpha, sigma = levels(t)
    w, bad = alpha**2 * U**2 + sigma**2, 2 * 0.1 - 1
    domain = mean_gradient(nfsd_gradient, x, t, "uniform", scale, knowing) - mean_gradient(
        csd_gradient, x, t, "uniform", scale
    )
    torch.testing.assert_close(domain, torch.full_like(x, sigma * alpha * (bad - GREY) / w), atol=1e-6, rtol=0)
    unknowing = mean_gradient(nfsd_gradient, x, t, "uniform", scale)
    torch.testing.assert_close(unknowing, mean_gradient(csd_gradient, x, t, "uniform", scale))


def inverted(x: torch.Tensor, mean, std: float, t: float) -> torch.Tensor:
    """Where the inversion of DDIM leads from x for images N(mean, std^2), in the limit of small steps:
    (x_t - alpha mean) / sqrt(alpha^2 std^2 + sigma^2) stays what it is at the first time, where x_t is alpha x."""
    (alpha_0, sigma_0), (alpha, sigma) = levels(INVERSION_START), levels(t)
    ratio = (alpha**2 * std**2 + sigma**2) / (alpha_0**2 * std**2 + sigma_0**2)
    return alpha * mean + alpha_0 * (x - mean) * math.sqrt(ratio)


def assert_converges(gradient, length: float, expected: torch.Tensor) -> None:
    """DDIM is Euler's method: half the stride has half the error, and extrapolation leaves a small part of that.

    `length` is how far the inversion goes.
    """
    coarse, fine = (gradient(length / steps) for steps in (100, 200))
    error = (fine - expected).norm()
    assert (coarse - expected).norm() / error == pytest.approx(2, rel=0.05)
    assert (2 * fine - coarse - expected).norm() < 0.05 * error
    assert error < 0.05 * expected.norm()


def test_sdi_gradient_has_no_noise_and_its_closed_form():
    """For s = 1 the prediction is sigma (x_t - alpha mu) / v, and the noise that was found (x_t - alpha x) / sigma."""
    x = images(5, torch.float64)
    draws = [torch.randn(x.shape, dtype=x.dtype, generator=torch.Generator().manual_seed(seed)) for seed in (0, 1)]
    first, second = (sdi_gradient(x, at(0.6, noise)) for noise in draws)
    assert torch.equal(first, second)
    alpha, sigma = levels(0.6)
    x_t = inverted(x, MU, S, 0.6)
    expected = sigma * (x_t - alpha * MU) / (alpha**2 * S**2 + sigma**2) - (x_t - alpha * x) / sigma
    assert_converges(lambda stride: sdi_gradient(x, at(0.6, x), stride), 0.6 - INVERSION_START, expected)


def test_sdi_inverts_with_the_opposite_guidance():
    asked = []

    class Watched:
        spec, suggested = SPEC, PRIOR.suggested
        alpha_sigma, encode, decode = PRIOR.alpha_sigma, PRIOR.encode, PRIOR.decode

        def predict_noise(self, x_t, t, cameras, conditions):
            asked.append((t[0].item(), conditions))
            return PRIOR.predict_noise(x_t, t, cameras, conditions)

    x = images(5)
    sdi_gradient(x, at(0.3, x, scale=7.5, prior=Watched()))
    assert [round(t, 3) for t, _ in asked] == [0.01, 0.107, 0.203, 0.3]
    assert {conditions for _, conditions in asked} == {("conditional", "unconditional")}
    asked.clear()
    sdi_gradient(x, at(0.3, x, prior=Watched()))
    assert {conditions for _, conditions in asked} == {("conditional",)}  # 2 - 1 = 1


def test_ism_gradient_is_its_closed_form():
    """The inversion without words leads to x_s; then eps_s and one DDIM step give x_t."""
    x, time, scale = images(6, torch.float64), 0.6, 7.5
    alpha_s, sigma_s = levels(time - ISM_INTERVAL)
    x_s = inverted(x, GREY, U, time - ISM_INTERVAL)
    eps_s = sigma_s * (x_s - alpha_s * GREY) / (alpha_s**2 * U**2 + sigma_s**2)
    alpha, sigma = levels(time)
    x_t = alpha * (x_s - sigma_s * eps_s) / alpha_s + sigma * eps_s
    unconditional = sigma * (x_t - alpha * GREY) / (alpha**2 * U**2 + sigma**2)
    conditional = sigma * (x_t - alpha * MU) / (alpha**2 * S**2 + sigma**2)
    expected = unconditional + scale * (conditional - unconditional) - eps_s
    length = time - ISM_INTERVAL - INVERSION_START
    assert_converges(lambda stride: ism_gradient(x, at(time, x, scale=scale), stride), length, expected)


@pytest.mark.parametrize("method", GRADIENTS)
def test_no_variant_moves_what_is_certain_and_right(method):
    """Where conditional and unconditional images are the same one, and x is it, nothing pulls."""
    sure = replace(PRIOR, target=lambda camera: torch.full((4, 4, 4), 0.6), std=U, unconditional_mean=0.6)
    x = torch.full((2, 1, 4, 4, 4), 0.2, dtype=torch.float64)
    if method != "nfsd":  # its delta_D at small t is the whole eps_uncond, which is zero there too
        assert mean_gradient(GRADIENTS[method], x, 0.6, "uniform", 7.5, sure).abs().max() < 1e-5
    assert mean_gradient(GRADIENTS[method], x, 0.1, "uniform", 7.5, sure).abs().max() < 1e-5
