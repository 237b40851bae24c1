"""Stage 1 (section 3.1 of arXiv 2309.16653): Gaussians optimised by score distillation and the input images."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import torch

from dreamgaussian.core.errors import Diverged, EmptyResult
from dreamgaussian.core.gaussians import Gaussians
from dreamgaussian.fitting.density import DensityStatistics, densify_and_prune, prune, reset_opacities
from dreamgaussian.fitting.distillation import (
    GuidanceMethod,
    RenderRecorder,
    StepContext,
    WeightedPrior,
    choose_guidance_method,
)
from dreamgaussian.fitting.image_loss import ReferenceView, outside_silhouette, reference_loss, reference_view
from dreamgaussian.fitting.optimizer import adam_step, rates_at
from dreamgaussian.fitting.settings import FitSettings
from dreamgaussian.fitting.state import FitState
from dreamgaussian.fitting.surface_loss import facing_normals, surface_loss
from dreamgaussian.guidance.prior import Prior
from dreamgaussian.inputs.subject import Subject
from dreamgaussian.raster import Rasterizer


@dataclass(frozen=True, eq=False)
class FitStep:
    """An immutable snapshot after one step."""

    step: int
    """Steps done, from 1."""
    steps: int
    """Steps in all."""
    loss: float
    distillation_loss: float
    reference_loss: float
    surface_loss: float
    gaussians: Gaussians


def fit(
    state: FitState,
    rasterizer: Rasterizer,
    prior: Prior | Sequence[WeightedPrior],
    subject: Subject,
    settings: FitSettings = FitSettings(),
) -> Iterator[FitStep]:
    """Go on from `state` to the last step, one snapshot a step; `state` can be saved between any two.

    `prior` is one prior, or several with their weights. Of n images each counts as if it were the only one, and the
    priors' loss is divided by n²: it is a guess, and contradicts what several images show (docs/benchmark.md).
    Raises Diverged when a gradient or a Gaussian is no longer finite and EmptyResult when none is left; `state` then
    still holds the last good step.
    """
    guides = (WeightedPrior(prior),) if isinstance(prior, Prior) else prior
    method = choose_guidance_method(guides, settings.distill)
    references = [reference_view(view, settings.reference) for view in subject.views]
    while state.step < settings.steps:
        yield _advance(state, rasterizer, method, references, settings)


def _advance(
    state: FitState,
    rasterizer: Rasterizer,
    method: GuidanceMethod,
    references: Sequence[ReferenceView],
    settings: FitSettings,
) -> FitStep:
    progress = state.step / settings.steps
    leaves = state.gaussians.map(lambda tensor: tensor.detach().requires_grad_())
    reference, reference_renders = reference_loss(leaves, rasterizer, references, settings.reference, progress)
    recorder = RenderRecorder(leaves, rasterizer, facing_normals if settings.surface.ramp(progress) else None)
    elevation = references[0].view.camera.elevation_deg if references else 0.0
    context = StepContext(state.step, progress, elevation)
    distillation, targets = method.loss(recorder, context, state.targets, state.generator)
    distillation = distillation / max(len(references), 1) ** 2
    surface = surface_loss(leaves, recorder.renders, recorder.cameras, settings.surface, progress)
    loss = reference + distillation + surface
    loss.backward()
    gradients = leaves.map(lambda tensor: torch.zeros_like(tensor) if tensor.grad is None else tensor.grad)
    _require_finite(gradients, "The gradient of", state.step + 1)

    gaussians, moments = adam_step(
        state.gaussians, gradients, state.moments, state.step + 1, rates_at(progress, settings.learning_rates)
    )
    _require_finite(gaussians, "The Gaussians'", state.step + 1)
    statistics = state.statistics
    for render in [*reference_renders, *recorder.renders]:
        statistics = statistics.observed(render)
    done = state.step + 1
    if _is_due(done, settings):
        gaussians, moments = densify_and_prune(gaussians, moments, statistics, settings.density, state.generator)
        gaussians, moments = prune(
            gaussians, moments, outside_silhouette(gaussians.means, references, settings.density.silhouette_margin)
        )
        statistics = DensityStatistics.zeros(gaussians)
    reset_every = settings.density.opacity_reset_every
    if settings.density.enabled and reset_every and done % reset_every == 0:
        gaussians, moments = reset_opacities(gaussians, moments, settings.density.min_opacity)
    if not len(gaussians):
        raise EmptyResult(
            f"No Gaussian is left after step {done}. Lower density.min_opacity ({settings.density.min_opacity:g}) "
            f"or raise density.max_scale ({settings.density.max_scale:g})."
        )
    state.gaussians, state.moments, state.statistics, state.step = gaussians, moments, statistics, done
    state.targets = targets
    state.losses.append(loss.item())
    return FitStep(
        done,
        settings.steps,
        loss.item(),
        distillation.item(),
        reference.item(),
        surface.item(),
        gaussians.detach(),
    )


def _is_due(done: int, settings: FitSettings) -> bool:
    density = settings.density
    first, last = density.start * settings.steps, density.end * settings.steps
    return density.enabled and first <= done <= last and done % density.every == 0


def _require_finite(values: Gaussians, what: str, step: int) -> None:
    for name, tensor in values.tensors().items():
        if not tensor.isfinite().all():
            raise Diverged(
                f"{what} {name} is no longer finite at step {step}. Lower its learning rate or the loss weights; "
                "the last good Gaussians were kept."
            )
