"""The priors' loss in one step of the fit.

Two guidance methods behind one protocol: score gradients of random views (`guidance/gradients.py`: SDS and its
variants), or target images, sampled now and then and fitted in pixels (`guidance/targets.py`).
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Protocol, runtime_checkable

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

from dreamgaussian.core.camera import Camera
from dreamgaussian.core.gaussians import Gaussians
from dreamgaussian.fitting.settings import DistillSettings
from dreamgaussian.guidance.cameras import elevation_range, random_cameras, ring_of_cameras
from dreamgaussian.guidance.distill import NOMINAL_SCALE, Cameras, annealed_time, noise_like, sds_loss, to_prior_input
from dreamgaussian.guidance.gradients import GRADIENTS, GradientContext
from dreamgaussian.guidance.perp_neg import require_view_names
from dreamgaussian.guidance.prior import Prior
from dreamgaussian.guidance.spec import PriorSpec, SuggestedSettings
from dreamgaussian.guidance.targets import Targets, sample_targets
from dreamgaussian.raster import Rasterizer, Render

TARGET_WEIGHT = 33_000.0
"""Weight of a target's mean squared error: it is to the input image's weight, 10,000, as 1 to 0.3 in MicroDreamer."""


@dataclass(frozen=True)
class WeightedPrior:
    """A prior, and the weight of its loss."""

    prior: Prior
    weight: float = 1.0


@dataclass(frozen=True, eq=False)
class RenderRecorder:
    """Renders the Gaussians, and keeps the renders: density control reads their gradients after the backward pass."""

    gaussians: Gaussians
    rasterizer: Rasterizer
    channels: Callable[[Gaussians, Camera], Float[Tensor, "n e"]] | None = None
    """Extra channels of the renders, from the Gaussians and the camera; None: colours alone."""
    renders: list[Render] = field(default_factory=list[Render])
    cameras: list[Camera] = field(default_factory=list[Camera])
    """The cameras of the renders."""

    def __call__(self, cameras: Cameras) -> tuple[Float[Tensor, "b v h w 3"], Float[Tensor, "b v h w"]]:
        """Premultiplied colours and alpha of b samples of v views."""
        renders = [[self._render(camera) for camera in sample] for sample in cameras]
        self.renders.extend(render for sample in renders for render in sample)
        self.cameras.extend(camera for sample in cameras for camera in sample)
        color = torch.stack([torch.stack([render.color for render in sample]) for sample in renders])
        alpha = torch.stack([torch.stack([render.alpha for render in sample]) for sample in renders])
        return color, alpha

    def _render(self, camera: Camera) -> Render:
        extra = None if self.channels is None else self.channels(self.gaussians, camera)
        return self.rasterizer.render(self.gaussians, camera, extra=extra)


@dataclass(frozen=True)
class StepContext:
    """A step of the fit, as guidance sees it."""

    step: int
    """Steps done."""
    progress: float
    """Share of the steps that are done, in [0, 1)."""
    input_elevation_deg: float
    """Elevation of the first input image's camera; 0 where there is no image."""


@runtime_checkable
class GuidanceMethod(Protocol):
    """How the priors guide the fit.

    `fit` calls `loss` once in each step, before the backward pass. A method has no state of its own: the targets go in
    and out, and are saved with the fit.
    """

    def loss(
        self, recorder: RenderRecorder, context: StepContext, targets: tuple[Targets, ...], generator: torch.Generator
    ) -> tuple[Float[Tensor, ""], tuple[Targets, ...]]:
        """The priors' loss in this step.

        Args:
            recorder: renders the Gaussians.
            context: the step.
            targets: what the last step returned; nothing at the start.
            generator: source of all random numbers of the fit.

        Returns:
            The weighted sum of the priors' losses, and the targets for the next step, one for each prior or none.
        """
        ...


def check_spec(spec: PriorSpec, settings: DistillSettings) -> None:
    """Raises ConfigError where a prior lacks what the settings need; needs no weights."""
    if settings.perp_neg:
        require_view_names(spec)


def choose_guidance_method(priors: Sequence[WeightedPrior], settings: DistillSettings) -> GuidanceMethod:
    """The settings' guidance method. Raises ConfigError for a prior that lacks what the settings need."""
    for weighted in priors:
        check_spec(weighted.prior.spec, settings)
    kind = TargetGuidance if settings.method == "sir" else GradientGuidance
    return kind(tuple(priors), settings)


@dataclass(frozen=True)
class GradientGuidance:
    """Score distillation on random views; priors that see as many views at once share the renders."""

    priors: tuple[WeightedPrior, ...]
    settings: DistillSettings

    def loss(
        self, recorder: RenderRecorder, context: StepContext, targets: tuple[Targets, ...], generator: torch.Generator
    ) -> tuple[Float[Tensor, ""], tuple[Targets, ...]]:
        """See `GuidanceMethod`; there are no targets."""
        total = recorder.gaussians.means.new_zeros(())
        for group in groups(self.priors):
            spec = group[0].prior.spec
            elevations = elevation_range(spec, self.settings.elevation_range_deg, context.input_elevation_deg)
            size = _render_size(max(weighted.prior.spec.resolution for weighted in group), context, self.settings)
            cameras = [random_cameras(spec, elevations, size, generator) for _ in range(self.settings.samples)]
            color, alpha = recorder(cameras)
            weight = self.settings.opacity_loss_weight
            if weight is None:
                weight = group[0].prior.suggested.opacity_loss_weight
            total = total + context.progress * weight * opacity_loss(alpha, spec)
            for weighted in group:
                background = _background(weighted.prior.spec, generator)
                images = to_prior_input(color, alpha, weighted.prior.spec, background)
                total = total + weighted.weight * self._distilled(
                    weighted.prior, images, cameras, context, generator
                ).to(total)
        return self.settings.weight * total, ()

    def _distilled(
        self,
        prior: Prior,
        images: Float[Tensor, "b v c r r"],
        cameras: Cameras,
        context: StepContext,
        generator: torch.Generator,
    ) -> Float[Tensor, ""]:
        settings, count = self.settings, len(cameras)
        x = prior.encode(images)
        t_max, t_min = settings.times(prior.suggested.times)
        if settings.anneal:
            t = torch.full((count,), annealed_time(context.progress, t_max, t_min))
        else:
            t = t_min + (t_max - t_min) * torch.rand(count, generator=generator)
        gradient_context = GradientContext(
            prior,
            cameras,
            t.to(x),
            noise_like(x, generator),
            scale=guidance_scale(prior.suggested, settings),
            weighting=settings.weighting or prior.suggested.weighting,
            perp_neg=settings.perp_neg,
        )
        gradient = GRADIENTS[settings.method](x.detach(), gradient_context)
        return sds_loss(x, gradient)


def opacity_loss(alpha: Float[Tensor, "b v h w"], spec: PriorSpec) -> Float[Tensor, ""]:
    """Number of the prior's pixels that are half transparent: the sum of 4 alpha (1 - alpha), mean over the views.

    The 4 makes a pixel of alpha 0.5 count as one.
    """
    return 4 * (alpha * (1 - alpha)).mean() * spec.resolution**2


@dataclass(frozen=True)
class TargetGuidance:
    """Fits target images, a ring of views that every prior samples anew after some steps (MicroDreamer)."""

    priors: tuple[WeightedPrior, ...]
    settings: DistillSettings

    def loss(
        self, recorder: RenderRecorder, context: StepContext, targets: tuple[Targets, ...], generator: torch.Generator
    ) -> tuple[Float[Tensor, ""], tuple[Targets, ...]]:
        """See `GuidanceMethod`: the mean squared error of one of the targets of each prior, drawn at random."""
        if context.step % self.settings.targets.every == 0 or not targets:
            targets = tuple(self._sampled(weighted.prior, recorder, context, generator) for weighted in self.priors)
        total = recorder.gaussians.means.new_zeros(())
        for weighted, target in zip(self.priors, targets, strict=True):
            spec = weighted.prior.spec
            index = int(torch.randint(len(target.images), (), generator=generator))
            size = _render_size(spec.resolution, context, self.settings)
            seen = to_prior_input(*recorder([target.cameras(index, size)]), spec)
            wanted = target.images[index : index + 1].to(seen)
            total = total + weighted.weight * TARGET_WEIGHT * F.mse_loss(seen, wanted)
        return self.settings.weight * total, targets

    def _sampled(
        self, prior: Prior, recorder: RenderRecorder, context: StepContext, generator: torch.Generator
    ) -> Targets:
        spec, settings = prior.spec, self.settings
        elevations = elevation_range(spec, settings.elevation_range_deg, context.input_elevation_deg)
        size = _render_size(spec.resolution, context, settings)
        cameras = ring_of_cameras(spec, settings.targets.views, elevations, size, generator)
        with torch.no_grad():
            images = to_prior_input(*RenderRecorder(recorder.gaussians, recorder.rasterizer)(cameras), spec)
        return sample_targets(
            prior,
            images,
            cameras,
            annealed_time(context.progress, *settings.times(prior.suggested.times)),
            stride=settings.targets.stride,
            scale=guidance_scale(prior.suggested, settings),
            from_noise=context.step == 0,
            generator=generator,
        )


def groups(priors: Sequence[WeightedPrior]) -> list[list[WeightedPrior]]:
    """The priors in groups that share their renders, as they see as many views, as far apart.

    The cameras of a group are sampled for its first prior.
    """
    found: dict[tuple[int, float], list[WeightedPrior]] = {}
    for weighted in priors:
        spec = weighted.prior.spec
        found.setdefault((spec.views_per_sample, spec.view_spacing_deg), []).append(weighted)
    return list(found.values())


def _render_size(resolution: int, context: StepContext, settings: DistillSettings) -> int:
    scales = settings.render_scales
    return round(resolution * scales[min(int(context.progress * len(scales)), len(scales) - 1)])


def _background(spec: PriorSpec, generator: torch.Generator) -> float | None:
    return float(torch.rand((), generator=generator) < 0.5) if spec.random_background else spec.background


def guidance_scale(suggested: SuggestedSettings, settings: DistillSettings) -> float:
    """The settings' guidance scale, or the one that suits the prior.

    The variants of SDS that need no strong guidance get at most `NOMINAL_SCALE`.
    """
    if settings.guidance_scale is not None:
        return settings.guidance_scale
    scale = suggested.guidance_scale
    return scale if settings.method in ("sds", "csd") else min(scale, NOMINAL_SCALE)
