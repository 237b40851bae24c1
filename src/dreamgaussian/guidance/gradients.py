"""Score distillation and its variants: w(t) (eps_hat - reference), eps_hat being the guided prediction at some x_t.

         x_t is                     the reference is                                    source
    sds  x with fresh noise         that noise                                          arXiv 2209.14988, equation 3
    csd  the same                   the unconditional prediction                        arXiv 2310.19415
    nfsd the same                   that for a bad image; nothing at small t          arXiv 2310.17590
    sdi  DDIM's inverse of x        the noise that this inverse found                   arXiv 2405.15891
    ism  DDIM's inverse of x        the unconditional prediction an interval earlier    arXiv 2311.11284

tests/guidance/test_gradients.py checks each against the closed form that it has with the analytic prior.
"""

from collections.abc import Mapping
from typing import Protocol, runtime_checkable

import torch
from jaxtyping import Float
from torch import Tensor

from dreamgaussian.guidance.distill import (
    Cameras,
    ddim,
    guided_noise,
    invert,
    levels,
    noise_and_direction,
    noised,
    predicted_x,
)
from dreamgaussian.guidance.prior import Prior
from dreamgaussian.guidance.spec import Weighting

NFSD_SMALL_TIME = 0.2
"""Below it the unconditional prediction holds no noise worth speaking of (arXiv 2310.17590: 200 of 1000 steps)."""
SDI_STRIDE = 0.1
"""Of the inversion: the authors' 10 steps over all times (configs/sdi.yaml of threestudio)."""
ISM_STRIDE, ISM_INTERVAL = 0.2, 0.08
"""Of the inversion and between the two predictions: xs_delta_t and delta_t of the authors' configs."""


@runtime_checkable
class Gradient(Protocol):
    """A variant of score distillation."""

    def __call__(
        self,
        prior: Prior,
        x: Float[Tensor, "b v d i j"],
        t: Float[Tensor, " b"],
        eps: Float[Tensor, "b v d i j"],
        cameras: Cameras,
        *,
        scale: float,
        weighting: Weighting,
        perp_neg: bool = False,
    ) -> Float[Tensor, "b v d i j"]:
        """The gradient with respect to x at noise level t; `eps` is fresh noise, `scale` the guidance."""
        ...


@torch.no_grad()
def sds_gradient(
    prior: Prior,
    x: Float[Tensor, "b v d i j"],
    t: Float[Tensor, " b"],
    eps: Float[Tensor, "b v d i j"],
    cameras: Cameras,
    *,
    scale: float,
    weighting: Weighting,
    perp_neg: bool = False,
) -> Float[Tensor, "b v d i j"]:
    """w(t) (eps_hat - eps)."""
    x_t = noised(prior, x, eps, t)
    return _weighted(prior, x_t, guided_noise(prior, x_t, t, cameras, scale, perp_neg=perp_neg), eps, t, weighting)


@torch.no_grad()
def csd_gradient(
    prior: Prior,
    x: Float[Tensor, "b v d i j"],
    t: Float[Tensor, " b"],
    eps: Float[Tensor, "b v d i j"],
    cameras: Cameras,
    *,
    scale: float,
    weighting: Weighting,
    perp_neg: bool = False,
) -> Float[Tensor, "b v d i j"]:
    """w(t) s (eps_cond - eps_uncond): guidance alone."""
    x_t = noised(prior, x, eps, t)
    unconditional, direction = noise_and_direction(prior, x_t, t, cameras, perp_neg=perp_neg)
    return _weighted(prior, x_t, unconditional + scale * direction, unconditional, t, weighting)


@torch.no_grad()
def nfsd_gradient(
    prior: Prior,
    x: Float[Tensor, "b v d i j"],
    t: Float[Tensor, " b"],
    eps: Float[Tensor, "b v d i j"],
    cameras: Cameras,
    *,
    scale: float,
    weighting: Weighting,
    perp_neg: bool = False,
) -> Float[Tensor, "b v d i j"]:
    """w(t) (delta_D + s (eps_cond - eps_uncond)); delta_D is eps_uncond at small t, else eps_uncond - eps_negative.

    A prior that knows no "negative" has no delta_D at larger t.
    """
    x_t = noised(prior, x, eps, t)
    unconditional, direction = noise_and_direction(prior, x_t, t, cameras, perp_neg=perp_neg)
    bad = unconditional
    if "negative" in prior.spec.conditions:
        bad = prior.predict_noise(x_t, t, cameras, ("negative",))[0]
    reference = torch.where((t < NFSD_SMALL_TIME).view(-1, 1, 1, 1, 1), torch.zeros_like(bad), bad)
    return _weighted(prior, x_t, unconditional + scale * direction, reference, t, weighting)


@torch.no_grad()
def sdi_gradient(
    prior: Prior,
    x: Float[Tensor, "b v d i j"],
    t: Float[Tensor, " b"],
    eps: Float[Tensor, "b v d i j"],
    cameras: Cameras,
    *,
    scale: float,
    weighting: Weighting,
    perp_neg: bool = False,
) -> Float[Tensor, "b v d i j"]:
    """w(t) (eps_hat - kappa), kappa found by inverting DDIM with the opposite guidance; `eps` is not used.

    The authors' scale g counts from the conditional prediction, g = s - 1, and they invert with -g: so with 2 - s here.
    """
    x_t = invert(prior, x, cameras, t, stride=SDI_STRIDE, scale=2 - scale)
    alpha, sigma = levels(prior, t)
    eps_hat = guided_noise(prior, x_t, t, cameras, scale, perp_neg=perp_neg)
    return _weighted(prior, x_t, eps_hat, (x_t - alpha * x) / sigma, t, weighting)


@torch.no_grad()
def ism_gradient(
    prior: Prior,
    x: Float[Tensor, "b v d i j"],
    t: Float[Tensor, " b"],
    eps: Float[Tensor, "b v d i j"],
    cameras: Cameras,
    *,
    scale: float,
    weighting: Weighting,
    perp_neg: bool = False,
) -> Float[Tensor, "b v d i j"]:
    """w(t) (eps_hat(x_t) - eps_uncond(x_s)) with s an interval before t; `eps` is not used."""
    s = torch.maximum(t - ISM_INTERVAL, t / 2)
    x_s = invert(prior, x, cameras, s, stride=ISM_STRIDE, scale=0)
    x_t, clean = ddim(prior, x_s, cameras, torch.stack([s, t]), scale=0)
    alpha, sigma = levels(prior, t)
    eps_hat = guided_noise(prior, x_t, t, cameras, scale, perp_neg=perp_neg)
    return _weighted(prior, x_t, eps_hat, (x_t - alpha * clean) / sigma, t, weighting)


GRADIENTS: Mapping[str, Gradient] = {
    "sds": sds_gradient,
    "csd": csd_gradient,
    "nfsd": nfsd_gradient,
    "sdi": sdi_gradient,
    "ism": ism_gradient,
}


def _weighted(
    prior: Prior,
    x_t: Float[Tensor, "b v d i j"],
    eps_hat: Float[Tensor, "b v d i j"],
    reference: Float[Tensor, "b v d i j"],
    t: Float[Tensor, " b"],
    weighting: Weighting,
) -> Float[Tensor, "b v d i j"]:
    """w(t) (eps_hat - reference).

    w is sigma^2, 1, or sigma / alpha ("reconstruction"), which makes it a difference of clean images, the predicted
    one clamped where the prior's x is bounded.
    """
    alpha, sigma = levels(prior, t)
    if weighting == "reconstruction":
        return (x_t - sigma * reference) / alpha - predicted_x(prior, x_t, eps_hat, t)
    gradient = eps_hat - reference
    return sigma**2 * gradient if weighting == "sigma_squared" else gradient
