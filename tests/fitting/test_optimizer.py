import torch

from dreamgaussian.core.gaussians import Gaussians
from dreamgaussian.fitting.optimizer import AdamMoments, adam_step, rates_at
from dreamgaussian.fitting.settings import LearningRates


def test_adam_agrees_with_torch():
    generator = torch.Generator().manual_seed(0)
    ours = Gaussians.in_ball(20, 0.5, generator)
    rates = rates_at(0.3, LearningRates())
    theirs = {name: tensor.clone().requires_grad_() for name, tensor in ours.tensors().items()}
    optimizer = torch.optim.Adam([{"params": [theirs[name]], "lr": rates[name]} for name in theirs], eps=1e-15)
    moments = AdamMoments.zeros(ours)
    for step in range(1, 6):
        gradients = ours.map(lambda tensor: torch.randn(tensor.shape, generator=generator))
        for name, tensor in theirs.items():
            tensor.grad = getattr(gradients, name).clone()
        optimizer.step()
        ours, moments = adam_step(ours, gradients, moments, step, rates)
    for name, tensor in theirs.items():
        torch.testing.assert_close(getattr(ours, name), tensor.detach(), atol=1e-6, rtol=1e-5)


def test_a_gaussian_without_gradient_stays():
    gaussians = Gaussians.in_ball(3, 0.5, torch.Generator().manual_seed(0))
    moved, _ = adam_step(
        gaussians, gaussians.map(torch.zeros_like), AdamMoments.zeros(gaussians), 1, rates_at(0, LearningRates())
    )
    assert all(torch.equal(getattr(moved, name), getattr(gaussians, name)) for name in Gaussians.names())


def test_the_rate_of_the_centres_falls_exponentially_and_never_to_zero():
    rates = LearningRates(means_start=1e-2, means_end=1e-4)
    values = [rates_at(progress, rates)["means"] for progress in (0, 0.5, 1)]
    torch.testing.assert_close(torch.tensor(values), torch.tensor([1e-2, 1e-3, 1e-4]))
