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
from dataclasses import dataclass
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


@dataclass(frozen=True, eq=False)
class GradientContext:
    """Where and how a prior is asked about x: what all variants need besides x itself."""

    prior: Prior
    cameras: Cameras
    """b samples of v views, which x shows."""
    t: Float[Tensor, " b"]
    """Noise level of each sample, in (0, 1)."""
    noise: Float[Tensor, "b v d i j"]
    """Standard normal; the variants that invert DDIM find their own and do not use it."""
    scale: float
    """Classifier-free guidance."""
    weighting: Weighting
    """w(t)."""
    perp_neg: bool = False
    """Guide away from the words of wrong views."""


@runtime_checkable
class Gradient(Protocol):
    """A variant of score distillation."""

    def __call__(self, x: Float[Tensor, "b v d i j"], context: GradientContext) -> Float[Tensor, "b v d i j"]:
        """The gradient by x: the direction in which x becomes less likely under the prior."""
        ...


@torch.no_grad()
def sds_gradient(x: Float[Tensor, "b v d i j"], context: GradientContext) -> Float[Tensor, "b v d i j"]:
    """w(t) (eps_hat - eps)."""
    x_t = noised(context.prior, x, context.noise, context.t)
    return _weighted(context, x_t, _guided(context, x_t), context.noise)


@torch.no_grad()
def csd_gradient(x: Float[Tensor, "b v d i j"], context: GradientContext) -> Float[Tensor, "b v d i j"]:
    """w(t) s (eps_cond - eps_uncond): guidance alone."""
    x_t = noised(context.prior, x, context.noise, context.t)
    unconditional, direction = _noise_and_direction(context, x_t)
    return _weighted(context, x_t, unconditional + context.scale * direction, unconditional)


@torch.no_grad()
def nfsd_gradient(x: Float[Tensor, "b v d i j"], context: GradientContext) -> Float[Tensor, "b v d i j"]:
    """w(t) (delta_D + s (eps_cond - eps_uncond)); delta_D is eps_uncond at small t, else eps_uncond - eps_negative.

    A prior that knows no "negative" has no delta_D at larger t.
    """
    prior, t = context.prior, context.t
    x_t = noised(prior, x, context.noise, t)
    unconditional, direction = _noise_and_direction(context, x_t)
    bad = unconditional
    if "negative" in prior.spec.conditions:
        bad = prior.predict_noise(x_t, t, context.cameras, ("negative",))[0]
    reference = torch.where((t < NFSD_SMALL_TIME).view(-1, 1, 1, 1, 1), torch.zeros_like(bad), bad)
    return _weighted(context, x_t, unconditional + context.scale * direction, reference)


@torch.no_grad()
def sdi_gradient(
    x: Float[Tensor, "b v d i j"], context: GradientContext, stride: float = SDI_STRIDE
) -> Float[Tensor, "b v d i j"]:
    """w(t) (eps_hat - kappa), kappa found by inverting DDIM with the opposite guidance.

    The authors' scale g counts from the conditional prediction, g = s - 1, and they invert with -g: so with 2 - s here.
    `stride` is the longest step of the inversion.
    """
    x_t = invert(context.prior, x, context.cameras, context.t, stride=stride, scale=2 - context.scale)
    alpha, sigma = levels(context.prior, context.t)
    return _weighted(context, x_t, _guided(context, x_t), (x_t - alpha * x) / sigma)


@torch.no_grad()
def ism_gradient(
    x: Float[Tensor, "b v d i j"], context: GradientContext, stride: float = ISM_STRIDE
) -> Float[Tensor, "b v d i j"]:
    """w(t) (eps_hat(x_t) - eps_uncond(x_s)) with s an interval before t; `stride` as in `sdi_gradient`."""
    prior, cameras, t = context.prior, context.cameras, context.t
    s = torch.maximum(t - ISM_INTERVAL, t / 2)  # t / 2 keeps s above 0 where t is shorter than the interval
    x_s = invert(prior, x, cameras, s, stride=stride, scale=0)
    x_t, clean = ddim(prior, x_s, cameras, torch.stack([s, t]), scale=0)
    alpha, sigma = levels(prior, t)
    return _weighted(context, x_t, _guided(context, x_t), (x_t - alpha * clean) / sigma)


GRADIENTS: Mapping[str, Gradient] = {
    "sds": sds_gradient,
    "csd": csd_gradient,
    "nfsd": nfsd_gradient,
    "sdi": sdi_gradient,
    "ism": ism_gradient,
}


def _guided(context: GradientContext, x_t: Float[Tensor, "b v d i j"]) -> Float[Tensor, "b v d i j"]:
    return guided_noise(context.prior, x_t, context.t, context.cameras, context.scale, perp_neg=context.perp_neg)


def _noise_and_direction(
    context: GradientContext, x_t: Float[Tensor, "b v d i j"]
) -> tuple[Float[Tensor, "b v d i j"], Float[Tensor, "b v d i j"]]:
    return noise_and_direction(context.prior, x_t, context.t, context.cameras, perp_neg=context.perp_neg)


def _weighted(
    context: GradientContext,
    x_t: Float[Tensor, "b v d i j"],
    eps_hat: Float[Tensor, "b v d i j"],
    reference: Float[Tensor, "b v d i j"],
) -> Float[Tensor, "b v d i j"]:
    """w(t) (eps_hat - reference).

    w is sigma^2, 1, or sigma / alpha ("reconstruction"), which makes it a difference of clean images, the predicted
    one clamped where the prior's x is bounded.
    """
    alpha, sigma = levels(context.prior, context.t)
    if context.weighting == "reconstruction":
        return (x_t - sigma * reference) / alpha - predicted_x(context.prior, x_t, eps_hat, context.t)
    gradient = eps_hat - reference
    return sigma**2 * gradient if context.weighting == "sigma_squared" else gradient
