"""The default densifier: the density control of 3DGS (section 5 of arXiv 2308.04079), from pure functions.

Every function takes the Gaussians with their Adam moments and returns both, changed alike.
"""

import math
from dataclasses import dataclass, field, replace

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float
from torch import Tensor

from dreamgaussian.core.errors import EmptyResult
from dreamgaussian.core.gaussians import Gaussians
from dreamgaussian.fitting.densify.densifier import DensifyContext, Memory, append, prune
from dreamgaussian.fitting.densify.settings import DensitySettings
from dreamgaussian.fitting.image_loss import outside_silhouette
from dreamgaussian.fitting.optimizer import AdamMoments
from dreamgaussian.raster import Render

SPLIT_SHRINK = 1.6
"""3DGS's phi: the two halves of a split Gaussian are narrower by it."""


@dataclass(frozen=True)
class DefaultDensifier:
    """Grows the Gaussians whose projected centre has the largest gradients. Implements `Densifier`.

    At every densification the small ones among these are cloned and the large ones split in two; then the faint, the
    huge and those outside a silhouette are removed. The knobs are those of `DensitySettings`:

        enabled (True)              add and remove Gaussians at all
        start (0.1), end (0.8)      first and last densification, as shares of the steps
        every (50)                  steps between densifications
        gradient_threshold (None)   grow above this mean gradient, in half frames ...
        grow_share (0.2)            ... or, without a threshold, this share of the Gaussians
        clone_below (0.05)          clone up to this size, split above; world units
        max_scale (0.1)             remove above this size; world units
        min_opacity (0.01)          remove below this opacity
        silhouette_margin (0.03)    remove further outside a silhouette than this share of the image's height
        max_count (60,000)          add none beyond this number
        opacity_reset_every (0)     steps between resets of the opacities; 0 for never

    Example::

        densifier = DefaultDensifier(DensitySettings(every=100, gradient_threshold=0.01))
        for snapshot in fit(state, rasterizer, prior, subject, densifier=densifier):
            print(snapshot.step, len(snapshot.gaussians))
    """

    settings: DensitySettings = field(default_factory=DensitySettings)

    def loss(self, gaussians: Gaussians) -> Float[Tensor, ""]:
        """Nothing is regularised."""
        return gaussians.means.new_zeros(())

    def after_step(
        self, gaussians: Gaussians, moments: AdamMoments, memory: Memory, context: DensifyContext
    ) -> tuple[Gaussians, AdamMoments, Memory]:
        """See `Densifier`. Raises EmptyResult where no Gaussian is left."""
        settings = self.settings
        statistics = DensityStatistics(**memory) if memory else DensityStatistics.zeros(gaussians)
        for render in context.renders:
            statistics = statistics.observed(render)
        if settings.enabled and context.is_due(settings.start, settings.end, settings.every):
            gaussians, moments = densify_and_prune(gaussians, moments, statistics, settings, context.generator)
            outside = outside_silhouette(gaussians.means, context.references, settings.silhouette_margin)
            gaussians, moments = prune(gaussians, moments, outside)
            statistics = DensityStatistics.zeros(gaussians)
        if settings.enabled and settings.opacity_reset_every and context.step % settings.opacity_reset_every == 0:
            gaussians, moments = reset_opacities(gaussians, moments, settings.min_opacity)
        if not len(gaussians):
            raise EmptyResult(
                f"No Gaussian is left after step {context.step}. Lower fit.density.min_opacity "
                f"({settings.min_opacity:g}) or raise fit.density.max_scale ({settings.max_scale:g})."
            )
        return gaussians, moments, vars(statistics)


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
    return append(gaussians, moments, gaussians[chosen])


def split(
    gaussians: Gaussians, moments: AdamMoments, chosen: Bool[Tensor, " n"], generator: torch.Generator
) -> tuple[Gaussians, AdamMoments]:
    """Replace each chosen Gaussian by two narrower ones, mirror images about its centre, drawn from itself."""
    parents = gaussians[chosen]
    draws = torch.randn(parents.means.shape, generator=generator, device=generator.device).to(parents.means)
    offsets = (parents.rotations @ (draws * parents.scales)[..., None])[..., 0]
    halves = [
        replace(
            parents,
            means=parents.means + sign * offsets,
            log_scales=parents.log_scales - math.log(SPLIT_SHRINK),
        )
        for sign in (1, -1)
    ]
    kept, kept_moments = prune(gaussians, moments, chosen)
    return append(kept, kept_moments, Gaussians.concatenate(halves))


def prune_mask(gaussians: Gaussians, settings: DensitySettings) -> Bool[Tensor, " n"]:
    """The Gaussians that are too faint or too large in the world; no limit on screen (docs/parity.md)."""
    return (gaussians.opacities < settings.min_opacity) | (gaussians.scales.amax(dim=-1) > settings.max_scale)


def reset_opacities(gaussians: Gaussians, moments: AdamMoments, opacity: float) -> tuple[Gaussians, AdamMoments]:
    """Lower all opacities to at most `opacity` and forget their momentum."""
    logits = gaussians.opacity_logits.clamp_max(math.log(opacity / (1 - opacity)))

    nothing = torch.zeros_like(logits)
    return replace(gaussians, opacity_logits=logits), AdamMoments(
        replace(moments.first, opacity_logits=nothing), replace(moments.second, opacity_logits=nothing)
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
