"""Runs on prompts; a classifier and the pixels' colours judge whether the asset is what the prompt asks for."""

import hashlib
import json
from collections.abc import Generator
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from jaxtyping import Float
from PIL import Image
from torch import Tensor

from dreamgaussian import __version__
from dreamgaussian.config import RunConfig, to_json
from dreamgaussian.core.files import atomic_path
from dreamgaussian.core.image import on_white, to_uint8
from dreamgaussian.evaluate.networks import LiteFeatures
from dreamgaussian.evaluate.settings import EvalSettings
from dreamgaussian.evaluate.steps import EvalStep
from dreamgaussian.evaluate.text.color_names import color_names
from dreamgaussian.evaluate.text.kinds import Kinds, judge_cameras, opposite_similarity, read_kinds
from dreamgaussian.evaluate.text.prompts import PROMPTS, Prompt
from dreamgaussian.evaluate.text.text_results import (
    FOLDER,
    TextResult,
    read_text_result,
    result_path,
    write_text_result,
)
from dreamgaussian.pipeline import Snapshot, generate
from dreamgaussian.priors.registry import prior_record
from dreamgaussian.raster.mesh import MeshScene, render_mesh
from dreamgaussian.runs.opening import open_run
from dreamgaussian.text_to_image.library import shipped_library

TOP = 5
"""Nearest kinds that are kept."""


def evaluate_text(settings: EvalSettings) -> Generator[EvalStep, None, list[TextResult]]:
    """Run and judge the prompts; results that the output folder has already are not measured again.

    Raises:
        WeightsUnavailable: The classifier's network is not installed.
    """
    network, kinds = LiteFeatures(), read_kinds()
    (settings.output / FOLDER).mkdir(exist_ok=True)
    prompts = PROMPTS[: settings.prompt_count]
    results: list[TextResult] = []
    for done, prompt in enumerate(prompts):
        start = EvalStep(done, len(prompts), prompt.words, FOLDER, "Scores", 0, 1)
        yield start
        path = result_path(settings.output, prompt.words)
        config = replace(settings.run_config, prompt=prompt.words)
        identity = _identity(config)
        if path.exists() and (result := read_text_result(path)).identity == identity:
            results.append(result)
            continue
        run = open_run(None, config)
        last: Snapshot | None = None
        for last in generate(run):
            yield replace(start, stage=last.stage, step=last.step, steps=last.steps)
        assert last is not None
        assert last.mesh is not None
        scene = MeshScene(last.mesh.vertices, last.mesh.faces)
        renders = [render_mesh(last.mesh, camera, scene=scene) for camera in judge_cameras()]
        views = torch.stack([render.rgba for render in renders])
        _write_views(path.with_suffix(".webp"), views)
        facts = {} if run.generated_image is None else dict(run.generated_image.metadata)
        result = judge(prompt, views, network, kinds)
        results.append(replace(result, identity=identity, generated_image=facts, seconds=dict(last.seconds)))
        write_text_result(path, results[-1])
    return results


def judge(prompt: Prompt, views: Float[Tensor, "n s s 4"], network: LiteFeatures, kinds: Kinds) -> TextResult:
    """Judge premultiplied views from all round.

    The colour of an asset is the name that most opaque pixels of all views have, by the nearest example in the palette
    of evaluate/text/color_names.py.
    """
    features = network.features(on_white(views))
    pixels = to_uint8(views)
    return TextResult(
        words=prompt.words,
        kind=prompt.kind,
        identity={},
        nearest=tuple(kinds.ranking(features)[:TOP]),
        asked_colors=prompt.colors,
        color=next(iter(color_names(pixels)), "none"),
        opposite=opposite_similarity(features),
        true_opposite=float(kinds.opposite[kinds.names.index(prompt.kind)]),
    )


def _identity(config: RunConfig) -> dict[str, Any]:
    """What a result depends on, as JSON gives it back."""
    identity: dict[str, Any] = {"version": __version__, "config": to_json(config)}
    used = [weights() for prior in config.prior if (weights := prior_record(prior.name).weights)]
    used += [shipped_library()] * (config.text_to_image == "library")
    identity["weights"] = [hashlib.sha256(path.read_bytes()).hexdigest()[:16] for path in used]
    return json.loads(json.dumps(identity))


def _write_views(path: Path, views: Float[Tensor, "n s s 4"]) -> None:
    """Side by side on white, for the report."""
    strip = torch.cat(list(on_white(views)), dim=1)
    with atomic_path(path) as temporary:
        Image.fromarray(to_uint8(strip)).save(temporary, "WEBP", quality=90)
