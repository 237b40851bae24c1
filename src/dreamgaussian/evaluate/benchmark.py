"""Runs the whole pipeline on held-out objects and scores what comes out, stage by stage."""

import hashlib
import json
from collections.abc import Callable, Generator, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, get_args

import numpy as np
import torch
from jaxtyping import Float
from PIL import Image
from torch import Tensor

from dreamgaussian import __version__
from dreamgaussian.config import RunConfig, to_json
from dreamgaussian.core.camera import Camera
from dreamgaussian.core.files import atomic_path
from dreamgaussian.core.image import on_white, psnr, to_uint8
from dreamgaussian.core.mesh import Mesh
from dreamgaussian.evaluate.dataset import VIEW_SIZE, BenchmarkEntry, BenchmarkObject, read_index, read_object
from dreamgaussian.evaluate.given_views import given_views, posed_images, write_views
from dreamgaussian.evaluate.methods import (
    BAKED,
    GAUSSIANS,
    MESH,
    MethodViews,
    baseline_views,
    gaussian_views,
    mesh_views,
    prior_views,
)
from dreamgaussian.evaluate.metrics import Networks, ViewJudge, score_shape, shrink
from dreamgaussian.evaluate.report import write_report
from dreamgaussian.evaluate.results import (
    MethodScores,
    ObjectResult,
    image_name,
    read_result,
    result_name,
    write_result,
)
from dreamgaussian.evaluate.settings import EvalSettings
from dreamgaussian.evaluate.steps import EvalStep
from dreamgaussian.evaluate.text.text_benchmark import evaluate_text
from dreamgaussian.fitting.settings import Method
from dreamgaussian.pipeline import Snapshot, StageClock, generate, open_run
from dreamgaussian.priors.registry import prior_record
from dreamgaussian.runs.folder import peak_memory_mb, results_folder

SIZES = (64, VIEW_SIZE)
"""Pixels at which views are scored; 64 is what the embedded prior sees."""
BASELINES = "baselines"
"""The variant that runs nothing."""
DEFAULT = "default"
STRIP_VIEWS = 5
STRIP_SIDE = 160

SEVERAL = {"2 images": 2, "4 images": 4}
"""Variants with more than one input image."""
Change = Callable[[RunConfig], RunConfig]


def _distilled(**changes: Any) -> Change:
    """Other settings of score distillation."""
    return lambda c: replace(c, fit=replace(c.fit, distill=replace(c.fit.distill, **changes)))


ABLATIONS: dict[str, Change] = {
    "without annealing": _distilled(anneal=False),
    "without densification": lambda c: replace(c, fit=replace(c.fit, density=replace(c.fit.density, enabled=False))),
    "without reference loss": lambda c: replace(
        c, fit=replace(c.fit, reference=replace(c.fit.reference, color_weight=0.0, alpha_weight=0.0))
    ),
    "with stage 2": lambda c: replace(c, refine=replace(c.refine, steps=10)),
    **{method: _distilled(method=method) for method in get_args(Method) if method != "sds"},
}
"""As in the paper's figure, and the variants of score distillation. Stage 2, which `mini` goes without, is scored
beside the baked mesh it began with."""


def evaluate(settings: EvalSettings, archive: Path | None = None) -> Iterator[EvalStep]:
    """Run, score and report. Finished results in the output folder are taken as they are.

    Raises WeightsUnavailable where a metric's network is not installed, ConfigError where the folder cannot be used;
    both before anything is run.
    """
    networks = Networks.load()
    with results_folder(settings.output, overwrite=True):
        yield from _evaluate(settings, archive, networks)


def _evaluate(settings: EvalSettings, archive: Path | None, networks: Networks) -> Iterator[EvalStep]:
    several = [name for name, images in SEVERAL.items() if images in settings.images]
    variants = (BASELINES, DEFAULT, *several, *(ABLATIONS if settings.ablations else ()))
    wanted = [(e, v) for e in read_index(archive)[: settings.object_count] for v in variants]
    results: list[ObjectResult] = []
    for done, (entry, variant) in enumerate(wanted):
        start = EvalStep(done, len(wanted), entry.name, variant, "Scores", 0, 1)
        yield start
        path = settings.output / entry.key / result_name(variant)
        identity = _identity(entry, variant, settings)
        result = read_result(path) if path.exists() else None
        if result is None or result.identity != identity:
            subject = read_object(entry, archive)
            result = yield from _measure(subject, variant, settings, networks, identity, start)
            write_result(path, result)
        results.append(result)
    texts = (yield from evaluate_text(settings)) if settings.text else []
    report = write_report(settings.output, results, texts)
    yield EvalStep(len(wanted), len(wanted), "", "", "Report", 1, 1, report)


def _measure(
    subject: BenchmarkObject,
    variant: str,
    settings: EvalSettings,
    networks: Networks,
    identity: dict[str, Any],
    start: EvalStep,
) -> Generator[EvalStep, None, ObjectResult]:
    """One object through one variant."""
    entry, folder = subject.entry, settings.output / subject.entry.key
    folder.mkdir(exist_ok=True)
    chosen = scored_views(entry, settings)
    cameras, truth = [entry.cameras[index] for index in chosen], subject.views[chosen]
    clock = StageClock()
    if variant == BASELINES:
        _write_strip(folder / "truth.webp", truth)
        shown = baseline_views(subject, cameras, truth)
    else:
        shown = yield from _run(subject, folder, _config(entry, variant, settings), cameras, clock, start)
    clock.enter("Scores")
    judges = {size: ViewJudge(networks, shrink(truth, size)) for size in SIZES}
    methods: dict[str, MethodScores] = {}
    for number, (method, views) in enumerate(shown.items()):
        yield replace(start, step=number, steps=len(shown))
        methods[method] = _score(views, subject, judges, networks)
        _write_strip(folder / image_name(variant, method), views.images)
    return ObjectResult(entry.key, entry.name, variant, identity, methods, clock.read(), peak_memory_mb())


def _run(
    subject: BenchmarkObject,
    folder: Path,
    config: RunConfig,
    cameras: Sequence[Camera],
    clock: StageClock,
    start: EvalStep,
) -> Generator[EvalStep, None, dict[str, MethodViews]]:
    """The whole pipeline on the input image, and what each of its stages shows."""
    image = folder / "input.webp"
    with atomic_path(image) as temporary:
        temporary.write_bytes(subject.input_webp)
    write_views(subject, config.subject.views)
    run = open_run(image, config)
    meshes: dict[str, Mesh] = {}
    last: Snapshot | None = None
    for last in generate(run):
        clock.enter(last.stage)
        if last.mesh is not None:
            meshes[last.stage] = last.mesh
        yield replace(start, stage=last.stage, step=last.step, steps=last.steps)
    assert last is not None
    clock.enter("Scores")
    front = subject.entry.input_camera
    shown = prior_views(run.prior, cameras, config.seed)
    shown[GAUSSIANS] = gaussian_views(last.gaussians, run.rasterizer, cameras, front)
    if "Texture" in meshes:
        shown[BAKED] = mesh_views(meshes["Mesh"], cameras, front)
    shown[MESH] = mesh_views(meshes.get("Texture", meshes["Mesh"]), cameras, front)
    return shown


def _score(
    views: MethodViews, subject: BenchmarkObject, judges: dict[int, ViewJudge], networks: Networks
) -> MethodScores:
    image, front, around = subject.input_view, views.front, views.around
    return MethodScores(
        views={size: judge.score(views.images) for size, judge in judges.items() if size <= views.images.shape[1]},
        front_psnr=None if front is None else psnr(on_white(front), on_white(image)),
        reference_similarity=None if around is None else networks.reference_similarity(around, image),
        shape=None if views.mesh is None else score_shape(views.mesh, subject.points),
    )


def scored_views(entry: BenchmarkEntry, settings: EvalSettings) -> list[int]:
    """The true views to compare with, evenly spread over those that no run is given."""
    given = given_views(entry, max(settings.images, default=1))
    free = [index for index in range(len(entry.cameras)) if index not in given]
    count = min(settings.view_count, len(free))
    return [free[place] for place in np.linspace(0, len(free), count, endpoint=False).astype(int)]


def _config(entry: BenchmarkEntry, variant: str, settings: EvalSettings) -> RunConfig:
    config = settings.run_config
    views = posed_images(entry, SEVERAL.get(variant, 1), settings.output / entry.key)
    subject = replace(
        config.subject, elevation_deg=entry.elevation_deg, background="keep", views=views, framing="shared"
    )
    return ABLATIONS.get(variant, lambda c: c)(replace(config, subject=subject))


def _identity(entry: BenchmarkEntry, variant: str, settings: EvalSettings) -> dict[str, Any]:
    """What a result depends on, as JSON gives it back."""
    identity: dict[str, Any] = {"version": __version__, "views": scored_views(entry, settings)}
    if variant != BASELINES:
        identity["config"] = to_json(_config(entry, variant, settings))
        if weights := prior_record(settings.prior.name).weights:
            identity["weights"] = hashlib.sha256(weights().read_bytes()).hexdigest()[:16]
    return json.loads(json.dumps(identity))


def _write_strip(path: Path, views: Float[Tensor, "n s s 4"]) -> None:
    """A few of the views side by side on white, for the report."""
    few = np.linspace(0, len(views), min(STRIP_VIEWS, len(views)), endpoint=False).astype(int).tolist()
    strip = torch.cat(list(on_white(views[few])), dim=1)
    image = Image.fromarray(to_uint8(strip))
    with atomic_path(path) as temporary:
        image.resize((STRIP_SIDE * len(few), STRIP_SIDE), Image.Resampling.BICUBIC).save(temporary, "WEBP", quality=85)
