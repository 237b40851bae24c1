"""Density control (section 5 of arXiv 2308.04079): clone, split, prune and opacity reset, as pure functions.

Every function takes the Gaussians with their Adam moments and returns both, changed alike. Newborn Gaussians start
with zero moments.
"""

import math
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float
from torch import Tensor

from dreamgaussian.core.gaussians import Gaussians
from dreamgaussian.fitting.optimizer import AdamMoments
from dreamgaussian.fitting.settings import DensitySettings
from dreamgaussian.raster import Render

SPLIT_SHRINK = 1.6
"""3DGS's phi: the two halves of a split Gaussian are narrower by it."""


@dataclass(frozen=True, eq=False)
class DensityStatistics:
    """What the rendered views told since the last densification; every view counts."""

    gradient_sum: Float[Tensor, " n"]
    """Sum over views of the norm of the loss's gradient by the projected centre, in half frames."""
    view_count: Float[Tensor, " n"]
    """Views in which the Gaussian was seen."""

    @classmethod
    def zeros(cls, gaussians: Gaussians) -> "DensityStatistics":
        """Nothing seen yet."""
        nothing = torch.zeros_like(gaussians.opacity_logits)
        return cls(nothing, nothing.clone())

    def observed(self, render: Render) -> "DensityStatistics":
        """With one more view, after the backward pass."""
        gradient = render.screen_means.grad
        if gradient is None:
            return self
        height, width = render.alpha.shape
        norms = (gradient * gradient.new_tensor([width / 2, height / 2])).norm(dim=-1)
        seen = render.radii > 0
        return DensityStatistics(self.gradient_sum + torch.where(seen, norms, 0), self.view_count + seen)

    @property
    def mean_gradient(self) -> Float[Tensor, " n"]:
        """Mean over the views in which the Gaussian was seen."""
        return self.gradient_sum / self.view_count.clamp_min(1)


def grow_mask(statistics: DensityStatistics, settings: DensitySettings) -> Bool[Tensor, " n"]:
    """The Gaussians that are to be cloned or split."""
    gradients = statistics.mean_gradient
    room = max(0, settings.max_count - len(gradients))
    if settings.gradient_threshold is not None:
        wanted = int((gradients > settings.gradient_threshold).sum())
    else:
        wanted = min(int(settings.grow_share * len(gradients)), int((gradients > 0).sum()))
    chosen = torch.zeros_like(gradients, dtype=torch.bool)
    chosen[gradients.topk(min(wanted, room)).indices] = True
    return chosen


def clone(gaussians: Gaussians, moments: AdamMoments, chosen: Bool[Tensor, " n"]) -> tuple[Gaussians, AdamMoments]:
    """Append a copy of each chosen Gaussian; Adam will part them, since only the original has momentum."""
    return _append(gaussians, moments, gaussians[chosen])


def split(
    gaussians: Gaussians, moments: AdamMoments, chosen: Bool[Tensor, " n"], generator: torch.Generator
) -> tuple[Gaussians, AdamMoments]:
    """Replace each chosen Gaussian by two narrower ones, mirror images about its centre, drawn from itself."""
    parents = gaussians[chosen]
    draws = torch.randn(parents.means.shape, generator=generator, device=generator.device).to(parents.means)
    offsets = (parents.rotations @ (draws * parents.scales)[..., None])[..., 0]
    halves = [
        Gaussians(
            parents.means + sign * offsets,
            parents.log_scales - math.log(SPLIT_SHRINK),
            parents.quats_wxyz,
            parents.opacity_logits,
            parents.sh,
        )
        for sign in (1, -1)
    ]
    kept, kept_moments = prune(gaussians, moments, chosen)
    return _append(kept, kept_moments, Gaussians.concatenate(halves))


def prune(gaussians: Gaussians, moments: AdamMoments, prune_mask: Bool[Tensor, " n"]) -> tuple[Gaussians, AdamMoments]:
    """Remove Gaussians."""
    return gaussians[~prune_mask], AdamMoments(moments.first[~prune_mask], moments.second[~prune_mask])


def prune_mask(gaussians: Gaussians, settings: DensitySettings) -> Bool[Tensor, " n"]:
    """The Gaussians that are too faint or too large in the world; no limit on screen (docs/parity.md)."""
    return (gaussians.opacities < settings.min_opacity) | (gaussians.scales.amax(dim=-1) > settings.max_scale)


def reset_opacities(gaussians: Gaussians, moments: AdamMoments, opacity: float) -> tuple[Gaussians, AdamMoments]:
    """Lower all opacities to at most `opacity` and forget their momentum."""
    logits = gaussians.opacity_logits.clamp_max(math.log(opacity / (1 - opacity)))

    def with_logits(each: Gaussians, values: Tensor) -> Gaussians:
        return Gaussians(each.means, each.log_scales, each.quats_wxyz, values, each.sh)

    nothing = torch.zeros_like(logits)
    return with_logits(gaussians, logits), AdamMoments(
        with_logits(moments.first, nothing), with_logits(moments.second, nothing)
    )


def densify_and_prune(
    gaussians: Gaussians,
    moments: AdamMoments,
    statistics: DensityStatistics,
    settings: DensitySettings,
    generator: torch.Generator,
) -> tuple[Gaussians, AdamMoments]:
    """One round: the chosen small ones are cloned, the chosen large ones split, then faint and huge ones removed."""
    grow = grow_mask(statistics, settings)
    small = gaussians.scales.amax(dim=-1) <= settings.clone_below
    clones = int((grow & small).sum())
    gaussians, moments = clone(gaussians, moments, grow & small)
    large = F.pad(grow & ~small, (0, clones))
    gaussians, moments = split(gaussians, moments, large, generator)
    return prune(gaussians, moments, prune_mask(gaussians, settings))


def _append(gaussians: Gaussians, moments: AdamMoments, new: Gaussians) -> tuple[Gaussians, AdamMoments]:
    zeros = new.map(torch.zeros_like)
    return Gaussians.concatenate([gaussians, new]), AdamMoments(
        Gaussians.concatenate([moments.first, zeros]), Gaussians.concatenate([moments.second, zeros])
    )
