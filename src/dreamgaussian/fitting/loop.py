"""Stage 1 (section 3.1 of arXiv 2309.16653): Gaussians optimised by score distillation and the input images."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import torch

from dreamgaussian.core.errors import Diverged
from dreamgaussian.core.gaussians import Gaussians
from dreamgaussian.fitting.densify import DENSIFIERS
from dreamgaussian.fitting.densify.densifier import Densifier, DensifyContext
from dreamgaussian.fitting.distillation import (
    GuidanceMethod,
    RenderRecorder,
    StepContext,
    WeightedPrior,
    choose_guidance_method,
)
from dreamgaussian.fitting.image_loss import ReferenceView, reference_loss, reference_view
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
    densifier: Densifier | None = None,
) -> Iterator[FitStep]:
    """Optimise Gaussians until the settings' last step; `state` can be saved between any two steps.

    Args:
        state: where the fit stands; it is changed with every step.
        rasterizer: draws the Gaussians.
        prior: one diffusion prior, or several with their weights.
        subject: the input images with their cameras. Of n images each counts as if it were the only one, and the priors
            count n² times less.
        settings: the number of steps, the losses, the learning rates.
        densifier: density control; that of the settings' name where none is given.

    Yields:
        A snapshot after each step.

    Raises:
        Diverged: a gradient or a Gaussian is no longer finite; `state` still holds the last good step.
        EmptyResult: no Gaussian is left; `state` likewise.
        ConfigError: a prior lacks what the settings need.
    """
    priors = (WeightedPrior(prior),) if isinstance(prior, Prior) else prior
    method = choose_guidance_method(priors, settings.distill)
    densifier = densifier or DENSIFIERS[settings.densify](settings)
    references = [reference_view(view, settings.reference) for view in subject.views]
    while state.step < settings.steps:
        following = state.copy()
        step = _advance(following, rasterizer, method, densifier, references, settings)
        state.become(following)
        yield step


def _advance(
    state: FitState,
    rasterizer: Rasterizer,
    method: GuidanceMethod,
    densifier: Densifier,
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
    # The image loss is a sum over the n images, so 1/n keeps the balance that one image has. The other 1/n is measured:
    # what is seen need not be guessed, and the guess contradicts it (docs/benchmark.md, "Several images").
    distillation = distillation / max(len(references), 1) ** 2
    surface = surface_loss(leaves, recorder.renders, recorder.cameras, settings.surface, progress)
    loss = reference + distillation + surface + densifier.loss(leaves)
    loss.backward()
    gradients = leaves.map(lambda tensor: torch.zeros_like(tensor) if tensor.grad is None else tensor.grad)
    done = state.step + 1
    _require_finite(gradients, "The gradient of", done)

    rates = rates_at(progress, settings.learning_rates)
    gaussians, moments = adam_step(state.gaussians, gradients, state.moments, done, rates)
    _require_finite(gaussians, "The Gaussians'", done)
    renders = [*reference_renders, *recorder.renders]
    densify_context = DensifyContext(done, settings.steps, renders, references, rates, state.generator)
    gaussians, moments, memory = densifier.after_step(gaussians, moments, state.memory, densify_context)
    state.gaussians, state.moments, state.memory, state.targets, state.step = gaussians, moments, memory, targets, done
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


def _require_finite(values: Gaussians, what: str, step: int) -> None:
    for name, tensor in values.tensors().items():
        if not tensor.isfinite().all():
            raise Diverged(
                f"{what} {name} is no longer finite at step {step}. Lower its learning rate or the loss weights; "
                "the last good Gaussians were kept."
            )
