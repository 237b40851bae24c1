import pytest
import torch

from dreamgaussian.priors.mini.denoiser import (
    RESIDUAL_STD,
    Denoiser,
    DenoiserConfig,
    alpha_sigma,
    from_network,
    noise_from_clean,
    to_network,
)

TINY = DenoiserConfig(channels=(16, 64), embedding=16, tokens=16, tokens_side=4)


def images(count: int, seed: int = 0) -> torch.Tensor:
    straight = torch.rand(count, 4, 32, 32, generator=torch.Generator().manual_seed(seed))
    return torch.cat([straight[:, :3] * straight[:, 3:], straight[:, 3:]], dim=1)


def test_images_survive_the_way_to_the_network_and_back() -> None:
    assert torch.allclose(from_network(to_network(images(3))), images(3), atol=1e-6)
    assert to_network(images(3)).abs().max() <= 1


def test_what_comes_back_is_premultiplied() -> None:
    decoded = from_network(3 * torch.randn(2, 4, 8, 8, generator=torch.Generator().manual_seed(0)))
    assert decoded.min() >= 0
    assert (decoded[:, :3] <= decoded[:, 3:]).all()


@pytest.mark.parametrize("t", [0.05, 0.5, 0.99])
def test_a_fresh_network_is_the_gaussian_guess_round_the_lifted_view(t: float) -> None:
    lifted, x_t = to_network(images(2)), torch.randn(2, 4, 32, 32, generator=torch.Generator().manual_seed(1))
    times = torch.full((2,), t)
    alpha, sigma = (level[:, None, None, None] for level in alpha_sigma(times))
    known = torch.ones(2, dtype=torch.bool)
    guess = Denoiser(TINY)(x_t, times, lifted, lifted, torch.zeros(2, 3), known)
    precision = alpha**2 / sigma**2 + 1 / RESIDUAL_STD**2
    expected = (alpha * x_t / sigma**2 + lifted / RESIDUAL_STD**2) / precision
    assert torch.allclose(guess, expected, atol=1e-5)


def test_an_unknown_subject_leaves_no_trace() -> None:
    torch.manual_seed(0)
    network = Denoiser(TINY)
    torch.nn.init.normal_(network.leave.weight)
    x_t, t, unknown = to_network(images(1)), torch.tensor([0.7]), torch.tensor([False])
    one, other = (
        network(x_t, t, to_network(images(1, seed)), to_network(images(1, seed)), angles, unknown)
        for seed, angles in ((1, torch.tensor([[0.5, 0.2, 0.1]])), (2, torch.tensor([[2.0, 0.2, 0.4]])))
    )
    assert torch.equal(one, other)


def test_the_noise_of_a_noised_image_is_found_again() -> None:
    clean, t = to_network(images(2)), torch.tensor([0.2, 0.9])
    noise = torch.randn(clean.shape, generator=torch.Generator().manual_seed(0))
    alpha, sigma = (level[:, None, None, None] for level in alpha_sigma(t))
    assert torch.allclose(noise_from_clean(alpha * clean + sigma * noise, clean, t), noise, atol=1e-5)
