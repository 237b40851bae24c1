"""The protocol of density control."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from dreamgaussian.core.gaussians import Gaussians
from dreamgaussian.fitting.image_loss import ReferenceView
from dreamgaussian.fitting.optimizer import AdamMoments
from dreamgaussian.raster import Render

Memory = Mapping[str, Tensor]
"""What a densifier remembers from step to step, by name; empty at the start of a fit."""


@dataclass(frozen=True, eq=False)
class DensifyContext:
    """A step of the fit, as density control sees it."""

    step: int
    """Steps done, from 1."""
    steps: int
    """Steps in all."""
    renders: Sequence[Render]
    """All images of the Gaussians that the step rendered, after the backward pass: `screen_means.grad` is there."""
    references: Sequence[ReferenceView]
    """The input images."""
    learning_rates: Mapping[str, float]
    """Adam's step length for each of the Gaussians' tensors, by name."""
    generator: torch.Generator
    """Source of all random numbers of the fit."""

    def is_due(self, start: float, end: float, every: int) -> bool:
        """Whether the step is a multiple of `every` within the given shares of all steps."""
        return start * self.steps <= self.step <= end * self.steps and self.step % every == 0


@runtime_checkable
class Densifier(Protocol):
    """Adds, moves and removes Gaussians while they are fitted.

    `fit` calls it twice in each step: `loss` before the backward pass, `after_step` when Adam has updated the
    Gaussians. It has no state of its own: what it remembers goes in and out of `after_step` and is saved with the fit,
    so that a resumed fit is the same bit for bit.

    Example: remove faint Gaussians every 100 steps, and add none. ::

        class PruneFaint:
            def loss(self, gaussians):
                return gaussians.means.new_zeros(())

            def after_step(self, gaussians, moments, memory, context):
                if context.step % 100 == 0:
                    gaussians, moments = prune(gaussians, moments, gaussians.opacities < 0.01)
                return gaussians, moments, memory

        for snapshot in fit(state, rasterizer, prior, subject, densifier=PruneFaint()):
            print(snapshot.step, len(snapshot.gaussians))

    A line in `DENSIFIERS` lets `--fit.densify` choose it by name.
    """

    def loss(self, gaussians: Gaussians) -> Float[Tensor, ""]:
        """A regulariser that is added to the loss of the step; zero where there is none."""
        ...

    def after_step(
        self, gaussians: Gaussians, moments: AdamMoments, memory: Memory, context: DensifyContext
    ) -> tuple[Gaussians, AdamMoments, Memory]:
        """The Gaussians with which the fit goes on.

        Args:
            gaussians: n Gaussians, after Adam's update.
            moments: their Adam moments.
            memory: what the last call returned, or nothing.
            context: the step.

        Returns:
            m Gaussians, their Adam moments in the same order, and what to hand to the next call.
        """
        ...


def append(gaussians: Gaussians, moments: AdamMoments, new: Gaussians) -> tuple[Gaussians, AdamMoments]:
    """Add Gaussians, whose Adam moments start at zero."""
    zeros = new.map(torch.zeros_like)
    return Gaussians.concatenate([gaussians, new]), AdamMoments(
        Gaussians.concatenate([moments.first, zeros]), Gaussians.concatenate([moments.second, zeros])
    )


def prune(gaussians: Gaussians, moments: AdamMoments, prune_mask: Bool[Tensor, " n"]) -> tuple[Gaussians, AdamMoments]:
    """Remove the Gaussians in the mask."""
    return gaussians[~prune_mask], AdamMoments(moments.first[~prune_mask], moments.second[~prune_mask])
