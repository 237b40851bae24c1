"""The whole method on one page (arXiv 2309.16653): an image in, 3D Gaussians and a textured mesh out."""

import logging
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

import torch

from dreamgaussian.config import RunConfig
from dreamgaussian.core.device import choose_device
from dreamgaussian.core.errors import ConfigError
from dreamgaussian.core.gaussians import Gaussians
from dreamgaussian.core.mesh import Mesh
from dreamgaussian.fitting.distillation import WeightedPrior, check_spec
from dreamgaussian.fitting.loop import fit
from dreamgaussian.fitting.state import FitState
from dreamgaussian.formats import check_files
from dreamgaussian.guidance.prior import Prior
from dreamgaussian.inputs.subject import Subject, View, subject_from_image
from dreamgaussian.meshing.quads import need_remesher
from dreamgaussian.priors.caption import open_captioner
from dreamgaussian.priors.elevation import estimate_elevation
from dreamgaussian.priors.registry import prior_record
from dreamgaussian.raster import Rasterizer, choose_rasterizer
from dreamgaussian.text_to_image import GeneratedImage, open_text_to_image
from dreamgaussian.texture.from_gaussians import MESH_STAGES, mesh_gaussians
from dreamgaussian.texture.refine import refine

logger = logging.getLogger(__name__)

Stage = Literal["Gaussians", "Mesh", "Texture"]


@dataclass(frozen=True, eq=False)
class Run:
    """Everything opened and checked before the first step."""

    config: RunConfig
    subject: Subject
    guides: tuple[WeightedPrior, ...]
    """The priors with their weights; all guide stage 1."""
    rasterizer: Rasterizer
    state: FitState
    generated_image: GeneratedImage | None = None
    """The image that was made of the words, where there were only words."""

    @property
    def prior(self) -> Prior:
        """The first prior, which refines the texture."""
        return self.guides[0].prior

    @property
    def last_stage(self) -> Stage:
        """The one whose mesh is the result."""
        return "Texture" if self.config.refine.rounds(self.prior.suggested.refine_rounds) else "Mesh"


@dataclass(frozen=True, eq=False)
class Snapshot:
    """Where a run stands, and what there is so far."""

    stage: Stage
    step: int
    steps: int
    loss: float | None
    gaussians: Gaussians
    mesh: Mesh | None = None


def open_run(image: str | Path | None, config: RunConfig = RunConfig()) -> Run:
    """The subject, the prior conditioned on it, a rasteriser, and the Gaussians' start."""
    check_files(config.export)
    if config.mesh.remesh:
        need_remesher()
    device = choose_device(config.device)
    rasterizer = choose_rasterizer(config.rasterizer, device)
    records = [prior_record(settings.name) for settings in config.prior]
    for record in records:
        check_spec(record.spec, config.fit.distill)
    if config.subject.estimate_elevation and not records[0].estimates_elevation:
        raise ConfigError(
            f"The prior {records[0].name} cannot tell the elevation of an image, as docs/priors.md explains. Give the "
            "degrees with --elevation, or choose --prior stable-zero123."
        )
    for record, settings in zip(records, config.prior, strict=True):
        record.fetch(settings, config.hub)
    describe = open_captioner(device, config.hub) if config.prompt == "auto" and image is not None else None
    generated = paint(config, device) if image is None else None
    subject = open_subject(generated or image, config)
    if describe is not None:
        config = replace(config, prompt=describe(subject.views[0].image))
        subject = replace(subject, prompt=config.prompt)
        logger.info("The image shows: %s", config.prompt)
    guides = tuple(
        WeightedPrior(record.open(subject, device, settings, config.hub), settings.weight)
        for record, settings in zip(records, config.prior, strict=True)
    )
    if config.subject.estimate_elevation and image is not None:
        elevation = estimate_elevation(guides[0].prior, subject.views[0], torch.Generator().manual_seed(config.seed))
        logger.info("The image was taken from an elevation of %.0f degrees.", elevation)
        known = replace(config.subject, elevation_deg=elevation, estimate_elevation=False)
        return open_run(image, replace(config, subject=known))
    state = FitState.start(config.fit, config.seed, guides[0].prior)
    return Run(config, subject, guides, rasterizer, state, generated)


def paint(config: RunConfig, device: torch.device) -> GeneratedImage | None:
    """The image of words alone; None where the run goes without, for priors that know words themselves do."""
    if config.text_to_image is None:
        return None
    model = open_text_to_image(config.text_to_image, device, config.hub)
    return model(config.prompt, config.negative_prompt, torch.Generator().manual_seed(config.seed))


def open_subject(image: str | Path | GeneratedImage | None, config: RunConfig) -> Subject:
    """The image cut out and recentred as the prior wants it, and the words; words alone without an image."""
    views: tuple[View, ...] = ()
    if image is not None:
        domain = prior_record(config.prior[0].name).spec.domain
        settings = config.subject
        if isinstance(image, GeneratedImage):
            front, further = image.image, image.further
            if image.elevation_deg is not None:
                settings = replace(settings, elevation_deg=image.elevation_deg)
            if further:
                settings = replace(settings, framing="shared")
        else:
            front, further = image, ()
        views = subject_from_image(
            front,
            settings,
            further=further,
            fill=domain.subject_fill,
            radius=domain.radius,
            fovy_deg=domain.fovy_deg,
        ).views
    return Subject(views, config.prompt, config.negative_prompt)


def generate(run: Run) -> Iterator[Snapshot]:
    """The three stages. Every snapshot stands for itself; `run.state` may be saved between any two of stage 1."""
    config, subject, state = run.config, run.subject, run.state

    for step in fit(state, run.rasterizer, run.guides, subject, config.fit):
        yield Snapshot("Gaussians", step.step, step.steps, step.loss, step.gaussians)
    gaussians = state.gaussians

    mesh: Mesh | None = None
    for snapshot in extract(run, gaussians):
        yield snapshot
        mesh = snapshot.mesh
    assert mesh is not None

    for refined in refine(mesh, run.prior, subject, state.generator, config.refine, config.bake):
        yield Snapshot("Texture", refined.step, refined.steps, refined.loss, gaussians, refined.mesh)


def extract(run: Run, gaussians: Gaussians) -> Iterator[Snapshot]:
    """The second stage alone, for any Gaussians of a run; the last snapshot holds the mesh."""
    finished = 0
    for step in mesh_gaussians(gaussians, run.rasterizer, run.config.mesh, run.config.bake, run.subject):
        finished += step.done == step.total
        yield Snapshot("Mesh", finished, len(MESH_STAGES), None, gaussians, step.mesh)


class StageClock:
    """Seconds per stage; what comes before the first one is called Opening."""

    def __init__(self) -> None:
        self._seconds: dict[str, float] = {}
        self._stage = "Opening"
        self._since = time.perf_counter()

    def enter(self, stage: str) -> None:
        """The given stage runs from now on, if it does not already."""
        if stage != self._stage:
            self._book()
            self._stage = stage

    def read(self) -> dict[str, float]:
        """The seconds so far, in the order in which the stages ran."""
        self._book()
        return dict(self._seconds)

    def _book(self) -> None:
        now = time.perf_counter()
        self._seconds[self._stage] = self._seconds.get(self._stage, 0.0) + now - self._since
        self._since = now
