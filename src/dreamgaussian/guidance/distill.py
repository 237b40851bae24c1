"""Classifier-free guidance, DDIM and its inverse, for any `Prior`.

Notation:  x clean, x_t = alpha(t) x + sigma(t) eps noisy, eps_hat predicted noise,
x0_hat = (x_t - sigma eps_hat) / alpha predicted clean, w(t) weighting, s guidance scale.
"""

import math
from collections.abc import Sequence
from itertools import pairwise

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

from dreamgaussian.core.camera import Camera
from dreamgaussian.guidance.perp_neg import perp_neg_direction
from dreamgaussian.guidance.prior import Prior
from dreamgaussian.guidance.spec import PriorSpec

Cameras = Sequence[Sequence[Camera]]
INVERSION_START = 0.01
"""Time at which an inversion starts, with x itself in place of x_t: at smaller t a network can hardly see the noise."""
NOMINAL_SCALE = 7.5
"""Guidance scale with which Stable Diffusion's kind makes natural images; score distillation's is far larger."""


def to_prior_input(
    color: Float[Tensor, "b v h w 3"],
    alpha: Float[Tensor, "b v h w"],
    spec: PriorSpec,
    background: float | None = None,
) -> Float[Tensor, "b v c r r"]:
    """Renders as the images that a prior's `encode` takes.

    Args:
        color: premultiplied colours of b samples of v views.
        alpha: their alpha.
        spec: what the prior sees: its resolution r, and its background or, for c = 4, premultiplied RGBA.
        background: grey level in place of the prior's.

    Returns:
        Images in [0, 1]. Larger renders are averaged down to the prior's resolution, smaller ones interpolated up.
    """
    if spec.background is None:
        images = torch.cat([color, alpha[..., None]], dim=-1)
    else:
        level = spec.background if background is None else background
        images = color + (1 - alpha[..., None]) * level
    flat = images.flatten(0, 1).permute(0, 3, 1, 2)
    size = (spec.resolution, spec.resolution)
    if flat.shape[-1] > spec.resolution:
        flat = F.interpolate(flat, size, mode="area")
    elif flat.shape[-1] < spec.resolution:
        flat = F.interpolate(flat, size, mode="bilinear", align_corners=False)
    return flat.unflatten(0, color.shape[:2])


def guided_noise(
    prior: Prior,
    x_t: Float[Tensor, "b v d i j"],
    t: Float[Tensor, " b"],
    cameras: Cameras,
    scale: float,
    *,
    perp_neg: bool = False,
) -> Float[Tensor, "b v d i j"]:
    """Classifier-free guidance (arXiv 2207.12598): eps_hat = eps_uncond + s (eps_cond - eps_uncond).

    With `perp_neg` the bracket is Perp-Neg's direction. The network is asked for no condition that the scale
    does not need.
    """
    if scale == 0 or (scale == 1 and not perp_neg):
        return prior.predict_noise(x_t, t, cameras, ("conditional" if scale else "unconditional",))[0]
    unconditional, direction = noise_and_direction(prior, x_t, t, cameras, perp_neg=perp_neg)
    return unconditional + scale * direction


def noise_and_direction(
    prior: Prior, x_t: Float[Tensor, "b v d i j"], t: Float[Tensor, " b"], cameras: Cameras, *, perp_neg: bool = False
) -> tuple[Float[Tensor, "b v d i j"], Float[Tensor, "b v d i j"]]:
    """eps_uncond, and the direction that guidance follows from there: eps_cond - eps_uncond, or Perp-Neg's."""
    if perp_neg:
        return perp_neg_direction(prior, x_t, t, cameras)
    conditional, unconditional = prior.predict_noise(x_t, t, cameras, ("conditional", "unconditional"))
    return unconditional, conditional - unconditional


def predicted_x(
    prior: Prior, x_t: Float[Tensor, "b v d i j"], eps_hat: Float[Tensor, "b v d i j"], t: Float[Tensor, " b"]
) -> Float[Tensor, "b v d i j"]:
    """x0_hat = (x_t - sigma eps_hat) / alpha, clamped where the prior's x is bounded."""
    alpha, sigma = levels(prior, t)
    x = (x_t - sigma * eps_hat) / alpha
    bound = prior.spec.x_bound
    return x if bound is None else x.clamp(-bound, bound)


def sds_loss(x: Float[Tensor, "b v d i j"], gradient: Float[Tensor, "b v d i j"]) -> Float[Tensor, ""]:
    """A scalar whose gradient by x is `gradient` / b: half the squared distance to x - gradient, mean over samples."""
    target = (x - gradient).detach()
    return 0.5 * F.mse_loss(x, target, reduction="sum") / x.shape[0]


def annealed_time(progress: float, t_max: float, t_min: float) -> float:
    """The paper's schedule: t falls linearly with the progress in [0, 1]."""
    return t_max + (t_min - t_max) * progress


@torch.no_grad()
def denoise(
    prior: Prior,
    images: Float[Tensor, "b v c h w"],
    cameras: Cameras,
    *,
    start_t: float,
    steps: int,
    scale: float,
    generator: torch.Generator,
) -> Float[Tensor, "b v c h w"]:
    """Stage 2's refined views (equation 5 of arXiv 2309.16653): noise the images to `start_t`, denoise in `steps`."""
    x = prior.encode(images)
    x_t = noised(prior, x, noise_like(x, generator), torch.full((x.shape[0],), start_t, device=x.device))
    return _denoised_images(prior, x_t, cameras, start_t, steps, scale)


@torch.no_grad()
def sample(
    prior: Prior, cameras: Cameras, *, steps: int, scale: float, generator: torch.Generator, start_t: float = 0.98
) -> Float[Tensor, "b v c h w"]:
    """Images of the cameras' views from noise alone, in [0, 1]."""
    spec = prior.spec
    shape = (len(cameras), spec.views_per_sample, spec.channels, spec.resolution, spec.resolution)
    noise = noise_like(prior.encode(torch.full(shape, 0.5)), generator)
    return _denoised_images(prior, noise, cameras, start_t, steps, scale)


@torch.no_grad()
def ddim(
    prior: Prior, x_t: Float[Tensor, "b v d i j"], cameras: Cameras, times: Float[Tensor, "n b"], scale: float
) -> tuple[Float[Tensor, "b v d i j"], Float[Tensor, "b v d i j"]]:
    """Deterministic DDIM (equation 12 of arXiv 2010.02502, eta 0) from the first of `times` to the last.

    Falling times denoise, rising ones invert. Returns x_t at the last time, and the last clean x that was predicted.
    """
    x = x_t
    for t, t_next in pairwise(times):
        alpha, sigma = levels(prior, t)
        x = predicted_x(prior, x_t, guided_noise(prior, x_t, t, cameras, scale), t)
        x_t = noised(prior, x, (x_t - alpha * x) / sigma, t_next)
    return x_t, x


@torch.no_grad()
def invert(
    prior: Prior,
    x: Float[Tensor, "b v d i j"],
    cameras: Cameras,
    t: Float[Tensor, " b"],
    *,
    stride: float,
    scale: float,
) -> Float[Tensor, "b v d i j"]:
    """The x_t from which DDIM comes back to x, found by DDIM backwards in steps of at most `stride` up to t."""
    start = t.clamp(max=INVERSION_START)
    times = times_between(start, t, stride)
    return ddim(prior, noised(prior, x, torch.zeros_like(x), start), cameras, times, scale)[0]


def times_between(start: Float[Tensor, " b"], end: Float[Tensor, " b"], stride: float) -> Float[Tensor, "n b"]:
    """Evenly spaced times for each sample, in steps of at most `stride`, and at least one."""
    # The tolerance is for rounding: ten strides of 0.1 are ten steps.
    steps = max(1, math.ceil(float((end - start).abs().max()) / stride - 1e-4))
    return start + (end - start) * torch.linspace(0, 1, steps + 1).to(start)[:, None]


def noised(
    prior: Prior, x: Float[Tensor, "b v d i j"], eps: Float[Tensor, "b v d i j"], t: Float[Tensor, " b"]
) -> Float[Tensor, "b v d i j"]:
    """x_t = alpha x + sigma eps."""
    alpha, sigma = levels(prior, t)
    return alpha * x + sigma * eps


def noise_like(x: Tensor, generator: torch.Generator) -> Tensor:
    """Standard normal noise in the shape of x, drawn where the generator lives."""
    return torch.randn(x.shape, generator=generator, device=generator.device).to(x)


def levels(prior: Prior, t: Float[Tensor, " b"]) -> tuple[Float[Tensor, "b 1 1 1 1"], Float[Tensor, "b 1 1 1 1"]]:
    """alpha and sigma, in the shape that multiplies x."""
    alpha, sigma = prior.alpha_sigma(t)
    return alpha.view(-1, 1, 1, 1, 1), sigma.view(-1, 1, 1, 1, 1)


def _denoised_images(
    prior: Prior, x_t: Float[Tensor, "b v d i j"], cameras: Cameras, start_t: float, steps: int, scale: float
) -> Float[Tensor, "b v c h w"]:
    times = torch.linspace(start_t, 0, steps + 1, device=x_t.device)[:, None].expand(-1, len(x_t))
    return prior.decode(ddim(prior, x_t, cameras, times, scale)[1]).clamp(0, 1)
