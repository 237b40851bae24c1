"""Results of an evaluation: one JSON file for each object and variant."""

import json
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from dreamgaussian.core.errors import InputError
from dreamgaussian.core.files import atomic_path
from dreamgaussian.evaluate.metrics import ShapeScores, ViewScores


@dataclass(frozen=True)
class MethodScores:
    """One method on one object."""

    views: dict[int, ViewScores]
    """By the images' side in pixels."""
    front_psnr: float | None = None
    """dB, on white, of the input view against the input image."""
    reference_similarity: float | None = None
    """Feature similarity of eight views all round to the input image, by EfficientNet-Lite0."""
    shape: ShapeScores | None = None
    """None where there is no mesh."""


@dataclass(frozen=True)
class ObjectResult:
    """The scores of one variant on one object."""

    key: str
    name: str
    variant: str
    identity: dict[str, Any]
    """Version, views, settings, weights or files behind the result; one with another identity is measured again."""
    methods: dict[str, MethodScores]
    seconds: dict[str, float] = field(default_factory=dict[str, float])
    """Wall-clock time of each stage."""
    peak_memory_mb: float = 0.0
    """Peak memory of the process, metrics and earlier objects included."""


def result_name(variant: str) -> str:
    """The file of a variant's result, in the object's folder."""
    return f"{_plain(variant)}.json"


def image_name(variant: str, method: str) -> str:
    """The file of a method's images, in the object's folder."""
    return f"{_plain(variant)}-{_plain(method)}.webp"


def write_result(path: Path, result: ObjectResult) -> None:
    """Write a result; an interrupted write leaves no file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with atomic_path(path) as temporary:
        temporary.write_text(json.dumps(asdict(result), indent=1) + "\n", encoding="utf-8")


def read_result(path: Path) -> ObjectResult:
    """Read a result. Raises InputError where the file is something else."""
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
        methods = {name: _method(scores) for name, scores in values.pop("methods").items()}
        return ObjectResult(**values, methods=methods)
    except (OSError, ValueError, TypeError, KeyError, AttributeError) as error:
        raise InputError(f"{path} is not a result of the benchmark ({error}). Delete it, and run again.") from error


def _method(values: dict[str, Any]) -> MethodScores:
    shape = values["shape"]
    return MethodScores(
        views={int(size): ViewScores(**scores) for size, scores in values["views"].items()},
        front_psnr=values["front_psnr"],
        reference_similarity=values["reference_similarity"],
        shape=None if shape is None else ShapeScores(**shape),
    )


def _plain(name: str) -> str:
    """Fit to be a file's name."""
    return "-".join("".join(c if c.isalnum() else " " for c in name.lower()).split())
