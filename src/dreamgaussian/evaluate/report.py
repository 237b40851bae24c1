"""The report: a Markdown table, JSON, and one HTML page with the pictures side by side."""

import json
import platform
from collections.abc import Iterable, Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path

from dreamgaussian import __version__
from dreamgaussian.evaluate.page import html_page
from dreamgaussian.evaluate.results import ObjectResult
from dreamgaussian.evaluate.summary import Row, Summary, summarise
from dreamgaussian.files import atomic_path

NOTES = (
    "All scores are means over objects and views, on white. ST-LPIPS is shift-tolerant LPIPS with AlexNet (lower is "
    "better), not comparable with published LPIPS; Features is the cosine similarity of EfficientNet-Lite0's pooled "
    "features (higher is better), not CLIP similarity; IoU is that of the silhouettes. Front is the PSNR of the input "
    "view against the input picture at 256 px. Chamfer distance and F-score (within 0.05) are in world units: the "
    "subject is 1.46 long in the input view. The mean view is an oracle that has seen the truth."
)
HEADER = ("Variant", "Method", "PSNR", "SSIM", "ST-LPIPS", "Features", "IoU")
MESH_HEADER = ("Variant", "Method", "Front", "Chamfer", "F-score")


def write_report(folder: Path, results: Sequence[ObjectResult]) -> Path:
    """Write report.md, report.json and report.html into the folder; returns the last one's path."""
    summary = summarise(results)
    facts = _facts(summary, results)
    tables = _tables(summary)
    record = {"facts": facts, "summary": asdict(summary), "results": [asdict(result) for result in results]}
    contents = {
        "report.md": markdown(summary, facts, tables),
        "report.json": json.dumps(record, indent=1) + "\n",
        "report.html": html_page(folder, results, summary, facts, tables, NOTES),
    }
    for name, content in contents.items():
        with atomic_path(folder / name) as temporary:
            temporary.write_text(content, encoding="utf-8")
    return folder / "report.html"


def markdown(summary: Summary, facts: dict[str, str], tables: dict[str, list[Sequence[str]]]) -> str:
    """The report without pictures."""
    lines = ["# Benchmark", "", ", ".join(f"{name}: {value}" for name, value in facts.items()), "", NOTES]
    for title, rows in tables.items():
        lines += ["", f"## {title}", "", *_markdown_table(rows)]
    bars = [("Bar", "Measured", "Met"), *((b.claim, b.measured, "yes" if b.met else "no") for b in summary.bars)]
    return "\n".join([*lines, "", "## Bars", "", *_markdown_table(bars), ""])


def _facts(summary: Summary, results: Sequence[ObjectResult]) -> dict[str, str]:
    seconds = ", ".join(f"{stage} {value:.1f}" for stage, value in summary.seconds.items() if stage != "Scores")
    weights = next((result.identity["weights"] for result in results if "weights" in result.identity), "none")
    return {
        "Date": datetime.now(UTC).strftime("%Y-%m-%d"),
        "Version": __version__,
        "Prior's weights": weights,
        "Objects": str(summary.objects),
        "Machine": f"{platform.system()} {platform.machine()}",
        "Seconds a run": seconds or "none",
        "Peak memory": f"{summary.peak_memory_mb:,.0f} MB, metrics included",
    }


def _tables(summary: Summary) -> dict[str, list[Sequence[str]]]:
    """Rows of text, the header first, by title."""
    sizes = sorted({size for row in summary.rows for size in row.scores.views})
    tables = {f"Views at {size} px": [HEADER, *_view_rows(summary.rows, size)] for size in sizes}
    return tables | {"Front view and shape": [MESH_HEADER, *_shape_rows(summary.rows)]}


def _view_rows(rows: Iterable[Row], size: int) -> Iterable[Sequence[str]]:
    for row in rows:
        if size in row.scores.views:
            s = row.scores.views[size]
            numbers = (f"{s.psnr:.2f}", f"{s.ssim:.3f}", f"{s.st_lpips:.3f}", f"{s.features:.3f}", f"{s.iou:.3f}")
            yield row.variant, row.method, *numbers


def _shape_rows(rows: Iterable[Row]) -> Iterable[Sequence[str]]:
    for row in rows:
        front, shape = row.scores.front_psnr, row.scores.shape
        if shape is not None or front is not None:
            chamfer, f_score = ("", "") if shape is None else (f"{shape.chamfer:.4f}", f"{shape.f_score:.3f}")
            yield row.variant, row.method, "" if front is None else f"{front:.2f}", chamfer, f_score


def _markdown_table(rows: Sequence[Sequence[str]]) -> list[str]:
    lines = ["| " + " | ".join(row) + " |" for row in rows]
    return [lines[0], "|" + " --- |" * len(rows[0]), *lines[1:]]
