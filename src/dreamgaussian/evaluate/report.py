"""The report: Markdown tables, JSON, and one HTML page with the images side by side."""

import json
import os
import platform
from collections.abc import Iterable, Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from dreamgaussian import __version__
from dreamgaussian.core.files import atomic_path
from dreamgaussian.evaluate.methods import GAUSSIANS, MESH
from dreamgaussian.evaluate.page import html_page
from dreamgaussian.evaluate.results import MethodScores, ObjectResult
from dreamgaussian.evaluate.summary import Row, Summary, summarise
from dreamgaussian.evaluate.text.text_results import TextResult, summarise_text, text_facts, text_tables

NOTES = (
    "All scores are means over objects and views, on white. ST-LPIPS is shift-tolerant LPIPS with AlexNet (lower is "
    "better), not comparable with published LPIPS; Features is the cosine similarity of EfficientNet-Lite0's pooled "
    "features (higher is better), not CLIP similarity; IoU is that of the silhouettes. Front is the PSNR of the input "
    "view against the input image at 256 px, Reference the feature similarity of eight views from all round to the "
    "input image (the protocol of the paper's CLIP similarity, with another network). Chamfer distance and F-score "
    "(within 0.05) are in world units: the subject is 1.46 long in the input view. The mean view is an oracle that has "
    "seen the truth."
)
HEADER = ("Variant", "Method", "PSNR", "SSIM", "ST-LPIPS", "Features", "IoU")
SHAPE_HEADER = ("Variant", "Method", "Front", "Reference", "Chamfer", "F-score")
OBJECT_HEADER = ("Object", "Variant", "Method", "PSNR", "ST-LPIPS", "IoU", "Front", "Chamfer", "F-score")


def write_report(folder: Path, results: Sequence[ObjectResult], texts: Sequence[TextResult] = ()) -> Path:
    """Write report.md, report.json and report.html into the folder; returns the path of report.html."""
    summary = summarise(results)
    facts = _facts(summary, results)
    tables = _tables(summary, results)
    record: dict[str, Any] = {
        "facts": facts,
        "summary": asdict(summary),
        "results": [asdict(result) for result in results],
    }
    if texts:
        facts |= text_facts(texts)
        tables |= text_tables(texts)
        record |= {"text": asdict(summarise_text(texts)), "text_results": [asdict(text) for text in texts]}
    contents = {
        "report.md": markdown(facts, tables),
        "report.json": json.dumps(record, indent=1) + "\n",
        "report.html": html_page(folder, results, facts, tables, NOTES, [text.words for text in texts]),
    }
    for name, content in contents.items():
        with atomic_path(folder / name) as temporary:
            temporary.write_text(content, encoding="utf-8")
    return folder / "report.html"


def markdown(facts: dict[str, str], tables: dict[str, list[Sequence[str]]]) -> str:
    """The report without images."""
    lines = ["# Benchmark", "", ", ".join(f"{name}: {value}" for name, value in facts.items()), "", NOTES]
    for title, rows in tables.items():
        lines += ["", f"## {title}", "", *_markdown_table(rows)]
    return "\n".join([*lines, ""])


def _facts(summary: Summary, results: Sequence[ObjectResult]) -> dict[str, str]:
    seconds = ", ".join(f"{stage} {value:.1f}" for stage, value in summary.seconds.items() if stage != "Scores")
    weights = next((result.identity["weights"] for result in results if "weights" in result.identity), "none")
    return {
        "Date": datetime.now(UTC).strftime("%Y-%m-%d"),
        "Version": __version__,
        "Prior's weights": weights,
        "Objects": str(summary.objects),
        "Machine": f"{platform.system()} {platform.machine()}, {os.cpu_count()} CPU cores",
        "Seconds a run": seconds or "none",
        "Peak memory": f"{summary.peak_memory_mb:,.0f} MB, metrics included",
    }


def _tables(summary: Summary, results: Sequence[ObjectResult]) -> dict[str, list[Sequence[str]]]:
    """Rows of text, the header first, by title."""
    sizes = sorted({size for row in summary.rows for size in row.scores.views})
    tables = {f"Views at {size} px": [HEADER, *_view_rows(summary.rows, size)] for size in sizes}
    shapes = [SHAPE_HEADER, *_shape_rows(summary.rows)]
    objects = [OBJECT_HEADER, *_object_rows(results)]
    further = {"Front view and shape": shapes, "Objects": objects}
    return tables | {title: rows for title, rows in further.items() if len(rows) > 1}


def _view_rows(rows: Iterable[Row], size: int) -> Iterable[Sequence[str]]:
    for row in rows:
        if size in row.scores.views:
            s = row.scores.views[size]
            numbers = (f"{s.psnr:.2f}", f"{s.ssim:.3f}", f"{s.st_lpips:.3f}", f"{s.features:.3f}", f"{s.iou:.3f}")
            yield row.variant, row.method, *numbers


def _shape_rows(rows: Iterable[Row]) -> Iterable[Sequence[str]]:
    for row in rows:
        if row.scores.front_psnr is not None:
            front, reference = _number(row.scores.front_psnr, 2), _number(row.scores.reference_similarity, 3)
            yield row.variant, row.method, front, reference, *_shape_numbers(row.scores)


def _object_rows(results: Sequence[ObjectResult]) -> Iterable[Sequence[str]]:
    """The asset of every object, at the largest size at which its views are scored."""
    for result in results:
        for method in (GAUSSIANS, MESH):
            if scores := result.methods.get(method):
                view = scores.views[max(scores.views)]
                numbers = (f"{view.psnr:.2f}", f"{view.st_lpips:.3f}", f"{view.iou:.3f}", _number(scores.front_psnr, 2))
                yield result.name, result.variant, method, *numbers, *_shape_numbers(scores)


def _shape_numbers(scores: MethodScores) -> tuple[str, str]:
    shape = scores.shape
    return ("", "") if shape is None else (f"{shape.chamfer:.4f}", f"{shape.f_score:.3f}")


def _number(value: float | None, places: int) -> str:
    return "" if value is None else f"{value:.{places}f}"


def _markdown_table(rows: Sequence[Sequence[str]]) -> list[str]:
    lines = ["| " + " | ".join(row) + " |" for row in rows]
    return [lines[0], "|" + " --- |" * len(rows[0]), *lines[1:]]
