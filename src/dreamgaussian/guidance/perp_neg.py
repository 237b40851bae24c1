"""Perp-Neg (arXiv 2304.04968): away from the words of wrong views, but only across the direction of the right ones.

With e_pos = eps_pos - eps_uncond and e_i = eps_i - eps_uncond for negative prompts i, guidance follows

    e_pos + sum_i w_i (e_i - (e_i . e_pos) / |e_pos|^2 e_pos),   w_i <= 0

Here the positive prompt lies between "front view", "side view" and "back view" as the azimuth does, and the negative
ones are the front and the side. The weights' curves are those of threestudio/models/prompt_processors/base.py in
github.com/threestudio-project/threestudio.
"""

import math
from collections.abc import Sequence

import torch
from jaxtyping import Float
from torch import Tensor

from dreamgaussian.core.camera import Camera
from dreamgaussian.core.errors import ConfigError
from dreamgaussian.guidance.prior import Prior
from dreamgaussian.guidance.spec import PriorSpec

CONDITIONS = ("between views", "unconditional", "front view", "side view")
"""What a prior must know; the last two are the negative prompts."""
OVERHEAD_DEG = 60.0
"""Above it the prompt says "overhead view" and no view is wrong."""


def require_view_names(spec: PriorSpec) -> None:
    """Raises ConfigError for a prior that does not know views by their names."""
    if not set(CONDITIONS) <= set(spec.conditions):
        raise ConfigError(
            f"Perp-Neg needs a prior whose prompts name the view, and {spec.name} is none. Choose stable-diffusion, or "
            "leave --fit.distill.perp-neg out."
        )


def perp_neg_direction(
    prior: Prior, x_t: Float[Tensor, "b v d i j"], t: Float[Tensor, " b"], cameras: Sequence[Sequence[Camera]]
) -> tuple[Float[Tensor, "b v d i j"], Float[Tensor, "b v d i j"]]:
    """eps_uncond, and the direction that guidance follows from there, for a prior that knows `CONDITIONS`."""
    positive, unconditional, *negatives = prior.predict_noise(x_t, t, cameras, CONDITIONS)
    toward = positive - unconditional
    weights = torch.tensor([[negative_weights(camera) for camera in sample] for sample in cameras]).to(x_t)
    direction = toward
    for negative, weight in zip(negatives, weights.unbind(-1), strict=True):
        direction = direction + weight[..., None, None, None] * perpendicular(negative - unconditional, toward)
    return unconditional, direction


def perpendicular(vector: Float[Tensor, "b v d i j"], axis: Float[Tensor, "b v d i j"]) -> Float[Tensor, "b v d i j"]:
    """What is left of each view's vector without its part along the axis."""
    inner, square = ((vector * axis).sum((2, 3, 4), keepdim=True), axis.square().sum((2, 3, 4), keepdim=True))
    return vector - inner / square.clamp_min(1e-12) * axis


def view_shares(camera: Camera) -> dict[str, float]:
    """How much of each view's name a camera sees: two neighbours share the quarter turn between them."""
    if camera.elevation_deg > OVERHEAD_DEG:
        return {"overhead view": 1.0}
    turn = abs(camera.azimuth_deg) / 90
    if turn < 1:
        return {"front view": 1 - turn, "side view": turn}
    return {"side view": 2 - turn, "back view": turn - 1}


def negative_weights(camera: Camera) -> tuple[float, float]:
    """Of "front view" and "side view" as negative prompts at a camera."""
    shares = view_shares(camera)
    if "front view" in shares:
        return _decay(4, -2.426, shares["front view"]), _decay(4, -2.426, shares["side view"])
    if "back view" in shares:
        return _decay(1, 0.967, shares["side view"]), _decay(1, -0.606, shares["side view"])
    return 0.0, 0.0


def _decay(height: float, offset: float, share: float) -> float:
    """-(a exp(-r / 2) + c)."""
    return -(height * math.exp(-share / 2) + offset)
