"""A prior whose score is known exactly: images are Gaussian around given target views.

With x ~ N(mu, s² I) the noisy x_t is N(alpha mu, (alpha² s² + sigma²) I), so that

    eps_hat = sigma (x_t - alpha mu) / (alpha² s² + sigma²)

and the score-distillation gradient has the closed-form mean  w(t) sigma alpha (x - mu) / (alpha² s² + sigma²).
It proves the pipeline without weights, and fits Gaussians to known views.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import torch
from jaxtyping import Float
from torch import Tensor

from dreamgaussian.core.camera import Camera
from dreamgaussian.guidance.spec import PriorSpec, SuggestedSettings


@dataclass(frozen=True)
class AnalyticPrior:
    """Images distributed as N(target(camera), std²), each pixel by itself."""

    spec: PriorSpec
    target: Callable[[Camera], Float[Tensor, "c h w"]]
    """The mean image at a camera of the prior's resolution: what the prior sees, in [0, 1]."""
    std: float = 0.1
    """Of x, which runs from -1 to 1."""
    unconditional_mean: float = 0.5
    """Grey level around which the unconditional images lie."""
    unconditional_std: float = 0.5
    """Of x."""
    negative_mean: float = 0.0
    """Grey level of the images of the negative prompt, which are spread like the unconditional ones."""
    suggested: SuggestedSettings = field(default_factory=SuggestedSettings)

    def alpha_sigma(self, t: Float[Tensor, " b"]) -> tuple[Float[Tensor, " b"], Float[Tensor, " b"]]:
        """The variance-preserving cosine schedule."""
        angle = t * (math.pi / 2)
        return angle.cos(), angle.sin()

    def encode(self, images: Float[Tensor, "b v c h w"]) -> Float[Tensor, "b v c h w"]:
        """x = 2 image - 1."""
        return images * 2 - 1

    def decode(self, x: Float[Tensor, "b v c h w"]) -> Float[Tensor, "b v c h w"]:
        """The inverse of `encode`."""
        return (x + 1) / 2

    @torch.no_grad()
    def predict_noise(
        self,
        x_t: Float[Tensor, "b v c h w"],
        t: Float[Tensor, " b"],
        cameras: Sequence[Sequence[Camera]],
        conditions: Sequence[str],
    ) -> Float[Tensor, "k b v c h w"]:
        """The exact noise prediction; conditions are "conditional", "unconditional" and "negative"."""
        alpha, sigma = (level.view(-1, 1, 1, 1, 1) for level in self.alpha_sigma(t))
        greys = {"unconditional": 2 * self.unconditional_mean - 1, "negative": 2 * self.negative_mean - 1}
        noises: list[Tensor] = []
        for condition in conditions:
            known = condition == "conditional"
            mean = self._targets(cameras).to(x_t) if known else greys[condition]
            std = self.std if known else self.unconditional_std
            noises.append(sigma * (x_t - alpha * mean) / (alpha**2 * std**2 + sigma**2))
        return torch.stack(noises)

    def _targets(self, cameras: Sequence[Sequence[Camera]]) -> Tensor:
        size = self.spec.resolution
        views = [torch.stack([self.target(camera.resized(size)) for camera in sample]) for sample in cameras]
        return self.encode(torch.stack(views))
