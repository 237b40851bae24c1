"""A run of seconds: an analytic prior of 16 pixels that knows a ball, few Gaussians, a coarse mesh."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

import torch
from torch import Tensor

from dreamgaussian.config import RunConfig, quick
from dreamgaussian.core.camera import Camera
from dreamgaussian.fitting.settings import DensitySettings, FitSettings, ReferenceSettings
from dreamgaussian.formats.settings import ExportSettings
from dreamgaussian.guidance.analytic import AnalyticPrior
from dreamgaussian.guidance.spec import PriorSpec, SuggestedSettings

SETTINGS: RunConfig = replace(
    quick(),
    fit=FitSettings(
        steps=12,
        initial_count=300,
        reference=ReferenceSettings(size=32),
        density=DensitySettings(start=0.2, every=4),
    ),
    mesh=replace(quick().mesh, resolution=32, faces=500, texture_size=128),
    refine=replace(quick().refine, steps=2, denoise_steps=1),
    bake=replace(quick().bake, view_size=64),
    export=ExportSettings(files=("gaussians.ply", "mesh.glb")),
    device="cpu",
)


def ball(camera: Camera) -> Tensor:
    """Premultiplied RGBA of an orange ball of radius 0.5."""
    position, directions = camera.rays()
    along = directions @ position
    alpha = (along**2 - position @ position + 0.25 > 0).float()
    return torch.stack([alpha, 0.5 * alpha, 0.1 * alpha, alpha])


def nothing() -> None:
    """Happens at every call that isn't the one chosen."""


BALL = PriorSpec("ball", resolution=16, background=None, x_bound=1.0)


@dataclass(frozen=True)
class BallPrior(AnalyticPrior):
    """An analytic prior of a ball, to which something may happen in the middle of a step."""

    spec: PriorSpec = BALL
    target: Callable[[Camera], Tensor] = ball
    std: float = 0.02
    suggested: SuggestedSettings = field(default_factory=SuggestedSettings)
    calls: list[int] = field(default_factory=list[int])
    at_call: int = 0
    """Which call of `predict_noise` it happens in, counted from 1."""
    event: Callable[[], object] = nothing

    def predict_noise(
        self, x_t: Tensor, t: Tensor, cameras: Sequence[Sequence[Camera]], conditions: Sequence[str]
    ) -> Tensor:
        self.calls.append(len(x_t))
        if len(self.calls) == self.at_call:
            self.event()
        return super().predict_noise(x_t, t, cameras, conditions)
