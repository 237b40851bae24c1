"""Means over objects."""

from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import TypeVar

import numpy as np

from dreamgaussian.evaluate.metrics import ShapeScores, ViewScores
from dreamgaussian.evaluate.results import MethodScores, ObjectResult

Scores = TypeVar("Scores", ViewScores, ShapeScores)


@dataclass(frozen=True)
class Row:
    """Scores of one method in one variant."""

    variant: str
    method: str
    objects: int
    """Number of objects with a score."""
    scores: MethodScores
    """Means over the objects."""


@dataclass(frozen=True)
class Summary:
    """An evaluation's means."""

    rows: tuple[Row, ...]
    seconds: dict[str, float]
    """Wall-clock time of each stage, mean over the runs of the variant `default`."""
    peak_memory_mb: float
    """Largest over all results."""
    objects: int


def summarise(results: Sequence[ObjectResult]) -> Summary:
    """Means over the objects of each variant's methods, in the order in which they were measured."""
    collected: dict[tuple[str, str], list[MethodScores]] = {}
    for result in results:
        for method, scores in result.methods.items():
            collected.setdefault((result.variant, method), []).append(scores)
    order = list(dict.fromkeys(result.variant for result in results))
    rows = tuple(
        Row(variant, method, len(scores), _mean_scores(scores))
        for (variant, method), scores in sorted(collected.items(), key=lambda item: order.index(item[0][0]))
    )
    plain = [result.seconds for result in results if result.variant == "default"]
    stages = dict.fromkeys(stage for seconds in plain for stage in seconds)
    return Summary(
        rows=rows,
        seconds={stage: float(np.mean([seconds.get(stage, 0.0) for seconds in plain])) for stage in stages},
        peak_memory_mb=max((result.peak_memory_mb for result in results), default=0.0),
        objects=len({result.key for result in results}),
    )


def _mean_scores(scores: Sequence[MethodScores]) -> MethodScores:
    sizes = sorted(set[int]().union(*(one.views for one in scores)))
    fronts = [one.front_psnr for one in scores if one.front_psnr is not None]
    references = [one.reference_similarity for one in scores if one.reference_similarity is not None]
    shapes = [one.shape for one in scores if one.shape is not None]
    return MethodScores(
        views={size: _mean(ViewScores, [one.views[size] for one in scores if size in one.views]) for size in sizes},
        front_psnr=float(np.mean(fronts)) if fronts else None,
        reference_similarity=float(np.mean(references)) if references else None,
        shape=_mean(ShapeScores, shapes) if shapes else None,
    )


def _mean(kind: type[Scores], values: Sequence[Scores]) -> Scores:
    return kind(*(float(np.mean([getattr(value, field.name) for value in values])) for field in fields(kind)))
