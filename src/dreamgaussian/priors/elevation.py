"""From what elevation an image was taken: the hypothesis under which a prior denoises it best.

The image x, seen by a camera at azimuth 0 and the hypothetical elevation h, is noised and given to the prior, told h;
with the same noise for all hypotheses,

    error(h) = mean over t and eps of |eps_hat(x_t; h) - eps|²,

which is, up to a weight per time, a bound of -log p(x | h) (arXiv 2303.16203, there for classes).
"""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Protocol, runtime_checkable

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

from dreamgaussian.core.camera import Camera
from dreamgaussian.core.errors import ConfigError
from dreamgaussian.guidance.distill import to_prior_input
from dreamgaussian.guidance.prior import Prior
from dreamgaussian.inputs.subject import Subject, View

HYPOTHESES_DEG = tuple(range(-20, 61, 10))
TIMES = (0.2, 0.4, 0.6, 0.8)
DRAWS = 4
"""Of noise, at each time."""


@runtime_checkable
class ElevationAware(Prior, Protocol):
    """A prior that sees from what elevation its image was taken."""

    def at_elevation(self, elevation_deg: float) -> Prior:
        """The same prior, told another elevation."""
        ...


def estimate_elevation(prior: Prior, view: View, generator: torch.Generator) -> float:
    """The elevation of the prior's image, in degrees. Raises ConfigError for a prior that cannot tell."""
    if not isinstance(prior, ElevationAware):
        raise ConfigError(
            f"The prior {prior.spec.name} cannot tell the elevation of an image. Give it with --elevation."
        )
    return likeliest_elevation(prior.at_elevation, view, generator)


def at_elevation(prior: Prior, subject: Subject, elevation_deg: float) -> tuple[Prior, Subject]:
    """A prior that can tell elevations, and the subject of one image that it is conditioned on, told another one."""
    assert isinstance(prior, ElevationAware)
    (view,) = subject.views
    domain = prior.spec.domain
    camera = Camera.orbit(0, elevation_deg, view.camera.width, radius=domain.radius, fovy_deg=domain.fovy_deg)
    return prior.at_elevation(elevation_deg), replace(subject, views=(replace(view, camera=camera),))


def likeliest_elevation(
    prior_at: Callable[[float], Prior],
    view: View,
    generator: torch.Generator,
    hypotheses_deg: Sequence[float] = HYPOTHESES_DEG,
) -> float:
    """The image's elevation in degrees. `prior_at` gives the prior conditioned on it as taken from an elevation.

    A prior whose prediction for the input's own view does not depend on the elevation has no answer; `mini`'s hardly
    does (docs/priors.md). The best of the evenly spaced hypotheses, refined by the parabola through its neighbours.
    """
    errors = torch.stack([denoising_error(prior_at(h), view, h, generator.clone_state()) for h in hypotheses_deg])
    best = int(errors.argmin())
    if best in (0, len(errors) - 1):
        return float(hypotheses_deg[best])
    low, middle, high = errors[best - 1 : best + 2].tolist()
    step = hypotheses_deg[1] - hypotheses_deg[0]
    return hypotheses_deg[best] + step * 0.5 * (low - high) / (low - 2 * middle + high)


@torch.no_grad()
def denoising_error(prior: Prior, view: View, elevation_deg: float, generator: torch.Generator) -> Float[Tensor, ""]:
    """error(h) of the header."""
    spec = prior.spec
    size = spec.resolution
    image = F.interpolate(view.image.permute(2, 0, 1)[None], (size, size), mode="area")[0].permute(1, 2, 0)
    color, alpha = image[..., :3] * image[..., 3:], image[..., 3]
    x = prior.encode(to_prior_input(color[None, None], alpha[None, None], spec))
    camera = Camera.orbit(0, elevation_deg, size, radius=spec.domain.radius, fovy_deg=spec.domain.fovy_deg)
    t = x.new_tensor(TIMES).repeat_interleave(DRAWS)
    level, sigma = (each.view(-1, 1, 1, 1, 1) for each in prior.alpha_sigma(t))
    eps = torch.randn((len(t), *x.shape[1:]), generator=generator).to(x)
    predicted = prior.predict_noise(level * x + sigma * eps, t, [[camera]] * len(t), ("conditional",))[0]
    return F.mse_loss(predicted, eps)
