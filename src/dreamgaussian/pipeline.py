"""The whole method on one page (arXiv 2309.16653): an image in, 3D Gaussians and a textured mesh out."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Literal

from dreamgaussian.config import RunConfig
from dreamgaussian.core.clock import StageClock
from dreamgaussian.core.gaussians import Gaussians
from dreamgaussian.core.mesh import Mesh
from dreamgaussian.fitting.distillation import WeightedPrior
from dreamgaussian.fitting.loop import fit
from dreamgaussian.fitting.state import FitState
from dreamgaussian.guidance.prior import Prior
from dreamgaussian.inputs.subject import Subject
from dreamgaussian.raster import Rasterizer
from dreamgaussian.text_to_image import GeneratedImage
from dreamgaussian.texture.from_gaussians import MESH_STAGES, mesh_gaussians
from dreamgaussian.texture.refine import refine

Stage = Literal["Gaussians", "Mesh", "Texture"]


@dataclass(frozen=True, eq=False)
class Run:
    """Everything opened and checked before the first step."""

    config: RunConfig
    subject: Subject
    priors: tuple[WeightedPrior, ...]
    """All guide stage 1; the first refines the texture."""
    rasterizer: Rasterizer
    state: FitState
    """Of stage 1; it may be saved between any two snapshots, and a run goes on from a saved one."""
    generated_image: GeneratedImage | None = None
    """What stands for words alone."""
    seconds: Mapping[str, float] = field(default_factory=dict[str, float])
    """Of what came before the first step."""

    @property
    def prior(self) -> Prior:
        """The first prior."""
        return self.priors[0].prior

    @property
    def last_stage(self) -> Stage:
        """The one whose mesh is the result."""
        return "Texture" if self.config.refine.rounds(self.prior.suggested.refine_rounds) else "Mesh"


@dataclass(frozen=True, eq=False)
class Snapshot:
    """Where a run stands and what there is so far; later steps leave it as it is."""

    stage: Stage
    step: int
    steps: int
    loss: float | None
    gaussians: Gaussians
    mesh: Mesh | None = None
    seconds: Mapping[str, float] = field(default_factory=dict[str, float])
    """Of each stage so far, without the time that whoever drives the run takes between two snapshots."""


def generate(run: Run) -> Iterator[Snapshot]:
    """The three stages, step by step; the last snapshot holds the result. `runs.opening.open_run` gives the run."""
    clock = StageClock(run.seconds)
    for snapshot in _stages(run):
        yield replace(snapshot, seconds=clock.lap(snapshot.stage))
        clock.start()


def _stages(run: Run) -> Iterator[Snapshot]:
    config, subject, state = run.config, run.subject, run.state

    for step in fit(state, run.rasterizer, run.priors, subject, config.fit):
        yield Snapshot("Gaussians", step.step, step.steps, step.loss, step.gaussians)
    gaussians = state.gaussians

    mesh: Mesh | None = None
    for snapshot in extract(run, gaussians):
        yield snapshot
        mesh = snapshot.mesh
    assert mesh is not None

    generator = state.generator.clone_state()  # stage 1's state stays what it is, so that a run can go on from it
    for refined in refine(mesh, run.prior, subject, generator, config.refine, config.bake):
        yield Snapshot("Texture", refined.step, refined.steps, refined.loss, gaussians, refined.mesh)


def extract(run: Run, gaussians: Gaussians) -> Iterator[Snapshot]:
    """The second stage alone, for any Gaussians of a run; the last snapshot holds the mesh."""
    finished = 0
    for step in mesh_gaussians(gaussians, run.rasterizer, run.config.mesh, run.config.bake, run.subject):
        finished += step.done == step.total
        yield Snapshot("Mesh", finished, len(MESH_STAGES), None, gaussians, step.mesh)
