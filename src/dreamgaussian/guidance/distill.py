"""Score distillation and multi-step denoising, written once over the `Prior` seam.

Notation:  x clean, x_t = alpha(t) x + sigma(t) eps noisy, eps_hat predicted noise,
x0_hat = (x_t - sigma eps_hat) / alpha predicted clean, w(t) weighting, s guidance scale.
"""

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

from dreamgaussian.camera import Camera
from dreamgaussian.guidance import Prior, PriorSpec, Weighting

Cameras = Sequence[Sequence[Camera]]


def observe(
    color: Float[Tensor, "b v h w 3"],
    alpha: Float[Tensor, "b v h w"],
    spec: PriorSpec,
    background: float | None = None,
) -> Float[Tensor, "b v c r r"]:
    """What a prior sees of premultiplied renders: over its background (or `background`), or as premultiplied RGBA.

    Larger renders are averaged down to the prior's resolution, smaller ones interpolated up.
    """
    if spec.background is None:
        pictures = torch.cat([color, alpha[..., None]], dim=-1)
    else:
        level = spec.background if background is None else background
        pictures = color + (1 - alpha[..., None]) * level
    flat = pictures.flatten(0, 1).permute(0, 3, 1, 2)
    size = (spec.resolution, spec.resolution)
    if flat.shape[-1] > spec.resolution:
        flat = F.interpolate(flat, size, mode="area")
    elif flat.shape[-1] < spec.resolution:
        flat = F.interpolate(flat, size, mode="bilinear", align_corners=False)
    return flat.unflatten(0, color.shape[:2])


def guided_noise(
    prior: Prior, x_t: Float[Tensor, "b v d i j"], t: Float[Tensor, " b"], cameras: Cameras, scale: float
) -> Float[Tensor, "b v d i j"]:
    """Classifier-free guidance (arXiv 2207.12598): eps_hat = eps_uncond + s (eps_cond - eps_uncond)."""
    if scale == 1:
        return prior.predict_noise(x_t, t, cameras, ("conditional",))[0]
    conditional, unconditional = prior.predict_noise(x_t, t, cameras, ("conditional", "unconditional"))
    return unconditional + scale * (conditional - unconditional)


def predicted_x(
    prior: Prior, x_t: Float[Tensor, "b v d i j"], eps_hat: Float[Tensor, "b v d i j"], t: Float[Tensor, " b"]
) -> Float[Tensor, "b v d i j"]:
    """x0_hat = (x_t - sigma eps_hat) / alpha, clamped where the prior's x is bounded."""
    alpha, sigma = _broadcast(prior, t)
    x = (x_t - sigma * eps_hat) / alpha
    bound = prior.spec.x_bound
    return x if bound is None else x.clamp(-bound, bound)


def sds_gradient(
    prior: Prior,
    x: Float[Tensor, "b v d i j"],
    t: Float[Tensor, " b"],
    eps: Float[Tensor, "b v d i j"],
    cameras: Cameras,
    *,
    scale: float,
    weighting: Weighting,
) -> Float[Tensor, "b v d i j"]:
    """The score-distillation gradient with respect to x, w(t) (eps_hat - eps): equation 3 of arXiv 2209.14988.

    `weighting` is w: sigma^2 (the paper's), 1, or sigma / alpha ("reconstruction"), for which the gradient is
    x - x0_hat and bounded priors may clamp x0_hat.
    """
    alpha, sigma = _broadcast(prior, t)
    x = x.detach()
    x_t = alpha * x + sigma * eps
    eps_hat = guided_noise(prior, x_t, t, cameras, scale)
    if weighting == "reconstruction":
        return x - predicted_x(prior, x_t, eps_hat, t)
    gradient = eps_hat - eps
    return sigma**2 * gradient if weighting == "sigma_squared" else gradient


def sds_loss(x: Float[Tensor, "b v d i j"], gradient: Float[Tensor, "b v d i j"]) -> Float[Tensor, ""]:
    """A scalar whose gradient by x is `gradient` / b: half the squared distance to x - gradient."""
    target = (x - gradient).detach()
    return 0.5 * F.mse_loss(x, target, reduction="sum") / x.shape[0]


def annealed_time(progress: float, t_max: float, t_min: float) -> float:
    """The paper's schedule: t falls linearly with the progress in [0, 1]."""
    return t_max + (t_min - t_max) * progress


@torch.no_grad()
def denoise(
    prior: Prior,
    pictures: Float[Tensor, "b v c h w"],
    cameras: Cameras,
    *,
    start_t: float,
    steps: int,
    scale: float,
    generator: torch.Generator,
) -> Float[Tensor, "b v c h w"]:
    """Stage 2's refined views (equation 5 of arXiv 2309.16653): noise the pictures to `start_t`, denoise in `steps`."""
    x = prior.encode(pictures)
    t = torch.full((x.shape[0],), start_t, device=x.device)
    alpha, sigma = _broadcast(prior, t)
    x_t = alpha * x + sigma * _noise_like(x, generator)
    return prior.decode(_ddim(prior, x_t, cameras, start_t, steps, scale)).clamp(0, 1)


@torch.no_grad()
def sample(
    prior: Prior, cameras: Cameras, *, steps: int, scale: float, generator: torch.Generator, start_t: float = 0.98
) -> Float[Tensor, "b v c h w"]:
    """Views from noise alone."""
    spec = prior.spec
    shape = (len(cameras), spec.views_per_sample, spec.channels, spec.resolution, spec.resolution)
    x = prior.encode(torch.full(shape, 0.5))
    return prior.decode(_ddim(prior, _noise_like(x, generator), cameras, start_t, steps, scale)).clamp(0, 1)


def _ddim(
    prior: Prior, x_t: Float[Tensor, "b v d i j"], cameras: Cameras, start_t: float, steps: int, scale: float
) -> Float[Tensor, "b v d i j"]:
    """Deterministic DDIM (equation 12 of arXiv 2010.02502, eta 0) from `start_t` down to 0."""
    x = x_t
    for t_now, t_next in torch.linspace(start_t, 0, steps + 1).unfold(0, 2, 1).tolist():
        t = x_t.new_full((x_t.shape[0],), t_now)
        alpha, sigma = _broadcast(prior, t)
        x = predicted_x(prior, x_t, guided_noise(prior, x_t, t, cameras, scale), t)
        eps = (x_t - alpha * x) / sigma
        alpha_next, sigma_next = _broadcast(prior, torch.full_like(t, t_next))
        x_t = alpha_next * x + sigma_next * eps
    return x


def _noise_like(x: Tensor, generator: torch.Generator) -> Tensor:
    return torch.randn(x.shape, generator=generator, device=generator.device).to(x)


def _broadcast(prior: Prior, t: Float[Tensor, " b"]) -> tuple[Tensor, Tensor]:
    alpha, sigma = prior.alpha_sigma(t)
    return alpha.view(-1, 1, 1, 1, 1), sigma.view(-1, 1, 1, 1, 1)
