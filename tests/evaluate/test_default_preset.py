"""The default preset still makes what docs/benchmark.md claims of it."""

from pathlib import Path

import pytest

from dreamgaussian.evaluate.benchmark import evaluate
from dreamgaussian.evaluate.dataset import VIEW_SIZE, read_index
from dreamgaussian.evaluate.results import read_result
from dreamgaussian.evaluate.settings import EvalSettings

DOCS = Path(__file__).parents[2] / "docs" / "benchmark.md"
TOLERANCE_DB = 0.3
OBJECTS = 3


def claims() -> dict[tuple[str, str], tuple[float, float]]:
    """PSNR of the views and of the front in the docs' table of single objects, by object and method."""
    rows = [[cell.strip() for cell in line.split("|")] for line in DOCS.read_text().splitlines()]
    objects = [row for row in rows if len(row) == 11 and row[2] == "default"]
    return {(row[1], row[3]): (float(row[4]), float(row[7])) for row in objects}


def test_the_docs_claim_something_of_each_object() -> None:
    names = {entry.name for entry in read_index()[:OBJECTS]}
    assert claims().keys() == {(name, method) for name in names for method in ("Gaussians", "Mesh")}


@pytest.mark.slow
def test_the_default_preset_makes_what_the_docs_claim(tmp_path: Path) -> None:
    for _ in evaluate(EvalSettings(tmp_path, objects=OBJECTS)):
        pass
    results = [read_result(path) for path in tmp_path.glob("*/default.json")]
    for (name, method), (views_db, front_db) in claims().items():
        (scores,) = [result.methods[method] for result in results if result.name == name]
        assert scores.views[VIEW_SIZE].psnr >= views_db - TOLERANCE_DB, (name, method)
        assert scores.front_psnr is not None
        assert scores.front_psnr >= front_db - TOLERANCE_DB, (name, method)
