"""The second seam: a frozen diffusion model that has already seen the subject.

Notation, as in arXiv 2209.14988: x_t = alpha(t) x + sigma(t) eps with t in [0, 1] from clean to noise; a prior's
network, whatever it predicts, is asked for eps.
"""

from collections.abc import Sequence
from typing import Protocol, runtime_checkable

import torch
from jaxtyping import Float
from torch import Tensor

from dreamgaussian.core.camera import Camera
from dreamgaussian.guidance.spec import PriorSpec, SuggestedSettings


@runtime_checkable
class Prior(Protocol):
    """A frozen diffusion model, conditioned on the subject.

    A run asks nothing else of it, so any object with these members can be handed to one
    (`image_to_3d(image, prior=MyPrior())`), as `examples/03_your_own_prior.py` does:

        class MyPrior:
            spec = PriorSpec("mine", resolution=256, background=1.0)
            suggested = SuggestedSettings(guidance_scale=5.0)

            def alpha_sigma(self, t): ...
            def encode(self, images): ...
            def decode(self, x): ...
            def predict_noise(self, x_t, t, cameras, conditions): ...

    Every step of stage 1 renders the Gaussians at cameras of `spec.domain`, brings the renders to what `spec` says,
    and calls `encode`, `alpha_sigma` and `predict_noise` once (some guidance methods several times); the gradient goes
    through `encode` alone. Stage 2 and sampling also call `decode`. A prior that has to see the subject first is made
    by a `PriorRecord` (`priors/registry.py`).
    """

    @property
    def spec(self) -> PriorSpec:
        """What it sees."""
        ...

    @property
    def suggested(self) -> SuggestedSettings:
        """The settings that suit it; `SuggestedSettings()` where there is nothing to say."""
        ...

    def alpha_sigma(self, t: Float[Tensor, " b"]) -> tuple[Float[Tensor, " b"], Float[Tensor, " b"]]:
        """Signal and noise levels at times t in [0, 1]; not assumed variance-preserving."""
        ...

    def encode(self, images: Float[Tensor, "b v c h w"]) -> Float[Tensor, "b v d i j"]:
        """Images in [0, 1], on any device, as the network's x on its own; differentiable."""
        ...

    def decode(self, x: Float[Tensor, "b v d i j"]) -> Float[Tensor, "b v c h w"]:
        """The network's x as images in [0, 1]."""
        ...

    def predict_noise(
        self,
        x_t: Float[Tensor, "b v d i j"],
        t: Float[Tensor, " b"],
        cameras: Sequence[Sequence[Camera]],
        conditions: Sequence[str],
    ) -> Float[Tensor, "k b v d i j"]:
        """Predicted noise under each of k conditions ("conditional", "unconditional", ...); no gradient.

        `cameras` holds b samples of v views, in the world whose azimuth 0 is the input view.
        """
        ...


@runtime_checkable
class ShapedPrior(Protocol):
    """A prior that has a guess of the subject's shape before any distillation, from which stage 1 then starts.

    Without this method a run starts from the paper's ball of grey Gaussians.
    """

    def surface_points(
        self, count: int, generator: torch.Generator
    ) -> tuple[Float[Tensor, "n 3"], Float[Tensor, "n 3"]]:
        """At most `count` random points of the surface, in the world, and their colours in [0, 1]."""
        ...
