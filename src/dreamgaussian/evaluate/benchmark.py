"""Runs on held-out objects, scored stage by stage; or assets of any program, scored as they are."""

import hashlib
import json
import logging
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from dataclasses import asdict, replace
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
from dreamgaussian.core.device import choose_device
from dreamgaussian.core.files import atomic_path
from dreamgaussian.core.image import on_white, psnr, to_uint8
from dreamgaussian.core.mesh import Mesh
from dreamgaussian.evaluate.assets import find_assets, read_asset
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
from dreamgaussian.pipeline import Snapshot, generate
from dreamgaussian.priors.registry import prior_record
from dreamgaussian.raster import choose_rasterizer
from dreamgaussian.runs.folder import peak_memory_mb, results_folder
from dreamgaussian.runs.opening import open_run

logger = logging.getLogger(__name__)

SIZES = (64, VIEW_SIZE)
"""Side of the views that are scored, in pixels; 64 is what the embedded prior sees."""
BASELINES = "baselines"
"""The variant that needs no run."""
DEFAULT = "default"
"""The variant with the preset's own settings."""
ASSETS = "assets"
"""The variant of given files."""
STRIP_VIEWS = 5
STRIP_SIDE = 160
"""Pixels of a view in the report's strips."""

SEVERAL = {"2 images": 2, "4 images": 4}
"""Variants with more than one input image."""
Change = Callable[[RunConfig], RunConfig]


def _distilled(**changes: Any) -> Change:
    """A change of the settings of score distillation."""
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
"""Those of the paper's figure, and the other kinds of score distillation. Stage 2, off by default with `mini`,
is scored beside the baked mesh that it starts from."""


def evaluate(settings: EvalSettings, archive: Path | None = None) -> Iterator[EvalStep]:
    """Run, score and report; results that the output folder has already are not measured again.

    Args:
        settings: What to run or score, and where to write.
        archive: The objects; the default is the archive that comes with the package.

    Yields:
        Progress; the last step has the report's path.

    Raises:
        WeightsUnavailable: The network of a metric is not installed.
        ConfigError: The output folder cannot be used, or the folder of assets has none. All three before any run.
        InputError: An asset cannot be read.
    """
    networks = Networks.load()
    with results_folder(settings.output, overwrite=True):
        yield from _evaluate(settings, archive, networks)


def _evaluate(settings: EvalSettings, archive: Path | None, networks: Networks) -> Iterator[EvalStep]:
    entries = read_index(archive)[: settings.object_count]
    assets = _assets(entries, settings)
    if settings.assets.folder is not None:
        entries = [entry for entry in entries if entry.key in assets]
        variants = [BASELINES, ASSETS]
    else:
        several = [name for name, images in SEVERAL.items() if images in settings.images]
        variants = [BASELINES, DEFAULT, *several, *(ABLATIONS if settings.ablations else ())]
    wanted = [(entry, variant) for entry in entries for variant in variants]
    results: list[ObjectResult] = []
    for done, (entry, variant) in enumerate(wanted):
        start = EvalStep(done, len(wanted), entry.name, variant, "Scores", 0, 1)
        yield start
        path = settings.output / entry.key / result_name(variant)
        asset = assets.get(entry.key)
        identity = _identity(entry, variant, settings, asset)
        result = read_result(path) if path.exists() else None
        if result is None or result.identity != identity:
            subject = read_object(entry, archive)
            result = yield from _measure(subject, variant, settings, asset, networks, identity, start)
            write_result(path, result)
        results.append(result)
    texts = (yield from evaluate_text(settings)) if settings.text else []
    report = write_report(settings.output, results, texts)
    yield EvalStep(len(wanted), len(wanted), "", "", "Report", 1, 1, report)


def _measure(
    subject: BenchmarkObject,
    variant: str,
    settings: EvalSettings,
    asset: Path | None,
    networks: Networks,
    identity: dict[str, Any],
    start: EvalStep,
) -> Generator[EvalStep, None, ObjectResult]:
    """One object through one variant."""
    entry, folder = subject.entry, settings.output / subject.entry.key
    folder.mkdir(exist_ok=True)
    chosen = scored_views(entry, settings)
    cameras, truth = [entry.cameras[index] for index in chosen], subject.views[chosen]
    seconds: Mapping[str, float] = {}
    if variant == BASELINES:
        _write_strip(folder / "truth.webp", truth)
        shown = baseline_views(subject, cameras, truth)
    elif asset is not None:
        shown = _asset_views(asset, subject, settings, cameras)
    else:
        shown, seconds = yield from _run(subject, folder, _config(entry, variant, settings), cameras, start)
    judges = {size: ViewJudge(networks, shrink(truth, size)) for size in SIZES}
    methods: dict[str, MethodScores] = {}
    for number, (method, views) in enumerate(shown.items()):
        yield replace(start, step=number, steps=len(shown))
        methods[method] = _score(views, subject, judges, networks)
        _write_strip(folder / image_name(variant, method), views.images)
    return ObjectResult(entry.key, entry.name, variant, identity, methods, dict(seconds), peak_memory_mb())


def _run(
    subject: BenchmarkObject,
    folder: Path,
    config: RunConfig,
    cameras: Sequence[Camera],
    start: EvalStep,
) -> Generator[EvalStep, None, tuple[dict[str, MethodViews], Mapping[str, float]]]:
    """Run the pipeline on the input image; the views of each of its stages, and their seconds."""
    image = folder / "input.webp"
    with atomic_path(image) as temporary:
        temporary.write_bytes(subject.input_webp)
    write_views(subject, config.subject.views)
    run = open_run(image, config)
    meshes: dict[str, Mesh] = {}
    last: Snapshot | None = None
    for last in generate(run):
        if last.mesh is not None:
            meshes[last.stage] = last.mesh
        yield replace(start, stage=last.stage, step=last.step, steps=last.steps)
    assert last is not None
    front = subject.entry.input_camera
    shown = prior_views(run.prior, cameras, config.seed)
    shown[GAUSSIANS] = gaussian_views(last.gaussians, run.rasterizer, cameras, front)
    if "Texture" in meshes:
        shown[BAKED] = mesh_views(meshes["Mesh"], cameras, front)
    shown[MESH] = mesh_views(meshes.get("Texture", meshes["Mesh"]), cameras, front)
    return shown, last.seconds


def _asset_views(
    path: Path, subject: BenchmarkObject, settings: EvalSettings, cameras: Sequence[Camera]
) -> dict[str, MethodViews]:
    front = subject.entry.input_camera
    asset = read_asset(path, front, subject.input_view, settings.assets)
    if isinstance(asset, Mesh):
        return {MESH: mesh_views(asset, cameras, front)}
    device = choose_device(settings.device)
    return {GAUSSIANS: gaussian_views(asset.to(device), choose_rasterizer("auto", device), cameras, front)}


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


def _assets(entries: Sequence[BenchmarkEntry], settings: EvalSettings) -> dict[str, Path]:
    """The given files by their objects' keys; none where runs are scored."""
    folder = settings.assets.folder
    if folder is None:
        return {}
    assets = find_assets(folder, entries)
    if missing := [entry.key for entry in entries if entry.key not in assets]:
        logger.warning(
            "%d of %d objects have no asset and no score: %s", len(missing), len(entries), ", ".join(missing)
        )
    return assets


def _identity(entry: BenchmarkEntry, variant: str, settings: EvalSettings, asset: Path | None) -> dict[str, Any]:
    """What a result depends on, as JSON gives it back."""
    identity: dict[str, Any] = {"version": __version__, "views": scored_views(entry, settings)}
    if variant == BASELINES:
        pass
    elif asset is not None:
        identity["asset"] = hashlib.sha256(asset.read_bytes()).hexdigest()[:16]
        identity["frame"] = asdict(replace(settings.assets, folder=None))
    else:
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
