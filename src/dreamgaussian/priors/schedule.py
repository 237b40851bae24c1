"""The discrete noise schedule of latent diffusion models, behind the continuous time of the `Prior` seam.

notation   here                  paper
alpha_bar  alphas_cumprod[i]     product of (1 - beta_j) for j <= i (arXiv 2006.11239)
x_t        alpha x + sigma eps   alpha = sqrt(alpha_bar), sigma = sqrt(1 - alpha_bar)
v          alpha eps - sigma x   arXiv 2202.00512, appendix D
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

import torch
from jaxtyping import Float, Int
from torch import Tensor

from dreamgaussian.core.errors import WeightsUnavailable

Prediction = Literal["epsilon", "v_prediction"]


@dataclass(frozen=True, eq=False)
class Schedule:
    """A variance-preserving schedule of n steps, and what the network predicts."""

    alphas_cumprod: Float[Tensor, " n"]
    prediction: Prediction

    @classmethod
    def from_config(cls, config: Mapping[str, Any], device: torch.device) -> "Schedule":
        """From a scheduler_config.json of diffusers. Raises WeightsUnavailable for a kind that is not known."""
        kind, prediction = config.get("beta_schedule", "linear"), config.get("prediction_type", "epsilon")
        if kind not in ("linear", "scaled_linear") or prediction not in ("epsilon", "v_prediction"):
            raise WeightsUnavailable(
                f"The checkpoint's scheduler has {kind} betas and predicts {prediction}; known are linear and "
                "scaled_linear betas, and epsilon and v_prediction. Use another checkpoint."
            )
        start, end, steps = config["beta_start"], config["beta_end"], config["num_train_timesteps"]
        power = 2 if kind == "scaled_linear" else 1
        betas = torch.linspace(start ** (1 / power), end ** (1 / power), steps, dtype=torch.float64) ** power
        return cls((1 - betas).cumprod(0).float().to(device), prediction)

    def steps(self, t: Float[Tensor, " b"]) -> Int[Tensor, " b"]:
        """The nearest training step of times in [0, 1]: round(1000 t), at most 999."""
        n = len(self.alphas_cumprod)
        return (t * n).round().long().clamp(0, n - 1)

    def alpha_sigma(self, t: Float[Tensor, " b"]) -> tuple[Float[Tensor, " b"], Float[Tensor, " b"]]:
        """Signal and noise levels of the nearest training step."""
        alpha_bar = self.alphas_cumprod.to(t.device)[self.steps(t)]
        return alpha_bar.sqrt(), (1 - alpha_bar).sqrt()

    def noise(
        self, output: Float[Tensor, "... b v d i j"], x_t: Float[Tensor, "b v d i j"], t: Float[Tensor, " b"]
    ) -> Float[Tensor, "... b v d i j"]:
        """The noise that the network's output stands for: eps = alpha v + sigma x_t."""
        if self.prediction == "epsilon":
            return output
        alpha, sigma = (level.view(-1, 1, 1, 1, 1) for level in self.alpha_sigma(t))
        return alpha * output + sigma * x_t
