"""Adam on `Gaussians`, as a pure function: its moments are `Gaussians` too, so density control changes all alike."""

from dataclasses import dataclass

import torch
from torch import Tensor

from dreamgaussian.core.gaussians import Gaussians
from dreamgaussian.fitting.settings import LearningRates

BETAS = (0.9, 0.999)
EPSILON = 1e-15
"""3DGS's: gradients may be tiny, and a Gaussian that is never seen must not move."""


@dataclass(frozen=True, eq=False)
class AdamMoments:
    """Running means of the gradient and of its square."""

    first: Gaussians
    second: Gaussians

    @classmethod
    def zeros(cls, gaussians: Gaussians) -> "AdamMoments":
        """Moments of a set that has not been optimised yet."""
        return cls(gaussians.map(torch.zeros_like), gaussians.map(torch.zeros_like))


def rates_at(progress: float, rates: LearningRates) -> dict[str, float]:
    """The step length of each tensor, by name, at a progress in [0, 1]; all fall exponentially."""
    share = rates.final_share**progress
    return {
        "means": rates.means_start * (rates.means_end / rates.means_start) ** progress,
        "log_scales": rates.scale * share,
        "quats_wxyz": rates.rotation * share,
        "opacity_logits": rates.opacity * share,
        "sh": rates.color * share,
    }


@torch.no_grad()
def adam_step(
    gaussians: Gaussians, gradients: Gaussians, moments: AdamMoments, step: int, rates: dict[str, float]
) -> tuple[Gaussians, AdamMoments]:
    """One update of Adam (arXiv 1412.6980, algorithm 1).

    Args:
        gaussians: the parameters.
        gradients: the loss's gradient by each of them.
        moments: Adam's moments after the last update.
        step: number of this update, from 1; corrects the moments' bias to zero.
        rates: the step length of each tensor, by name.

    Returns:
        The parameters and the moments after the update.
    """
    beta1, beta2 = BETAS
    first = moments.first.zip_map(lambda m, g: torch.lerp(m, g, 1 - beta1), gradients)
    second = moments.second.zip_map(lambda v, g: (v * beta2).addcmul_(g, g, value=1 - beta2), gradients)
    correction1, correction2 = 1 - beta1**step, 1 - beta2**step

    def update(name: str) -> Tensor:
        denominator = (getattr(second, name) / correction2).sqrt_().add_(EPSILON)
        return torch.addcdiv(
            getattr(gaussians, name), getattr(first, name), denominator, value=-rates[name] / correction1
        )

    return Gaussians(*(update(name) for name in Gaussians.names())), AdamMoments(first, second)
