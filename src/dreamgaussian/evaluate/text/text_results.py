"""Results of the text benchmark: a JSON file for each prompt, and the means over all prompts."""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from dreamgaussian.core.errors import InputError
from dreamgaussian.core.files import atomic_path

FOLDER = "text"
"""Subfolder of the evaluation's output."""


@dataclass(frozen=True)
class TextResult:
    """One prompt's final asset."""

    words: str
    kind: str
    identity: dict[str, Any]
    """Version, settings and weights behind the result; a result with another identity is measured again."""
    nearest: tuple[str, ...]
    """The five nearest kinds."""
    asked_colors: tuple[str, ...]
    """Colours of which one should be the commonest; empty where the prompt names none."""
    color: str
    """Commonest colour of the eight views' pixels."""
    opposite: float
    """Mean cosine similarity of the features of views 180 degrees apart."""
    true_opposite: float
    """The same for true objects of the kind."""
    generated_image: dict[str, Any] = field(default_factory=dict[str, Any])
    """Facts about the image that the prompt became, where it became one."""
    seconds: dict[str, float] = field(default_factory=dict[str, float])


@dataclass(frozen=True)
class TextSummary:
    """Means over prompts; shares are from 0 to 1."""

    prompts: int
    top_1: float
    top_5: float
    colors_right: float
    colors_asked: int
    opposite: float
    true_opposite: float


def result_path(folder: Path, words: str) -> Path:
    """The file of a prompt's result; its views are beside it as .webp."""
    return folder / FOLDER / f"{'-'.join(words.split())}.json"


def write_text_result(path: Path, result: TextResult) -> None:
    """Write a result; an interrupted write leaves no file."""
    with atomic_path(path) as temporary:
        temporary.write_text(json.dumps(asdict(result), indent=1) + "\n", encoding="utf-8")


def read_text_result(path: Path) -> TextResult:
    """Read a result. Raises InputError where the file is something else."""
    try:
        values: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        for name in ("nearest", "asked_colors"):
            values[name] = tuple(values[name])
        return TextResult(**values)
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise InputError(f"{path} is not a result of the benchmark ({error}). Delete it, and run again.") from error


def summarise_text(results: Sequence[TextResult]) -> TextSummary:
    """Means over at least one result."""
    asked = [result for result in results if result.asked_colors]
    return TextSummary(
        prompts=len(results),
        top_1=float(np.mean([result.kind == result.nearest[0] for result in results])),
        top_5=float(np.mean([result.kind in result.nearest for result in results])),
        colors_right=float(np.mean([result.color in result.asked_colors for result in asked])) if asked else 0.0,
        colors_asked=len(asked),
        opposite=float(np.mean([result.opposite for result in results])),
        true_opposite=float(np.mean([result.true_opposite for result in results])),
    )


def text_tables(results: Sequence[TextResult]) -> dict[str, list[Sequence[str]]]:
    """Rows of text, the header first, by title."""
    rows: list[Sequence[str]] = [
        ("Prompt", "Kind", "Nearest kinds", "Asked", "Colour", "Opposite views", "of true objects", "Image")
    ]
    for result in results:
        nearest, asked = ", ".join(result.nearest[:3]), " or ".join(result.asked_colors)
        numbers = (f"{result.opposite:.3f}", f"{result.true_opposite:.3f}")
        rows.append((result.words, result.kind, nearest, asked, result.color, *numbers, _source(result)))
    return {"Text": rows}


def text_facts(results: Sequence[TextResult]) -> dict[str, str]:
    """Facts for the head of the report."""
    summary = summarise_text(results)
    stages = dict.fromkeys(stage for result in results for stage in result.seconds if stage != "Scores")
    seconds = {stage: float(np.mean([result.seconds.get(stage, 0.0) for result in results])) for stage in stages}
    shares = f"top-1 {summary.top_1:.0%}, top-5 {summary.top_5:.0%}, colours {summary.colors_right:.0%}"
    alike = f"opposite views {summary.opposite:.3f} alike, of true objects {summary.true_opposite:.3f}"
    return {
        "Prompts": f"{summary.prompts}: {shares}; {alike}",
        "Seconds a prompt": ", ".join(f"{stage} {value:.1f}" for stage, value in seconds.items()),
    }


def _source(result: TextResult) -> str:
    return f"{result.generated_image.get('model', 'none')} {result.generated_image.get('entry', '')}".strip()
