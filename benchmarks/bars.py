"""The project's own acceptance bars, held against an evaluation: `python benchmarks/bars.py runs/benchmark`.

Prints a Markdown table from the evaluation's report.json. The bars are those that the embedded prior was trained for;
they say nothing about other programs' assets.
"""

import argparse
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

MIN_GAIN_DB = 3.0
MIN_IOU = 0.75
MAX_MESH_LOSS_DB = 0.5
MIN_FRONT_DB = 25.0
MIN_TOP_1, MIN_TOP_5, MIN_COLORS = 0.40, 0.75, 0.70
COPIED, MEAN, INFLATED = "Copied input", "Mean view (oracle)", "Inflated silhouette"
SHARPER = {"ST-LPIPS": ("st_lpips", -1), "feature similarity": ("features", 1)}

Bar = tuple[str, str, bool]
"""Claim, measured value, whether it is met."""


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path, help="output of `dreamgaussian eval`")
    report = json.loads((parser.parse_args().folder / "report.json").read_text(encoding="utf-8"))
    print("| Bar | Measured | Met |\n| --- | --- | --- |")
    for claim, measured, met in bars(report):
        print(f"| {claim} | {measured} | {'yes' if met else 'no'} |")


def bars(report: dict[str, Any]) -> Iterator[Bar]:
    """All bars that the report's methods allow to judge."""
    rows = report["summary"]["rows"]
    methods = {row["method"]: row["scores"] for row in rows if row["variant"] in ("baselines", "default")}
    ours = [name for name in ("Gaussians", "Mesh") if name in methods]
    for name in ours:
        for size in sorted(methods[name]["views"], key=int):
            views = {method: scores["views"][size] for method, scores in methods.items() if size in scores["views"]}
            yield from view_bars(name, size, views)
    if len(ours) == 2:
        for size in sorted(methods["Mesh"]["views"], key=int):
            loss = methods["Gaussians"]["views"][size]["psnr"] - methods["Mesh"]["views"][size]["psnr"]
            claim = f"Mesh, {size} px: loses at most {MAX_MESH_LOSS_DB} dB against the Gaussians"
            yield claim, f"{loss:+.2f} dB", loss <= MAX_MESH_LOSS_DB
    for name in ours:
        front = methods[name]["front_psnr"]
        yield f"{name}: front view at least {MIN_FRONT_DB:.0f} dB", f"{front:.2f} dB", front >= MIN_FRONT_DB
    if "text" in report:
        yield from text_bars(report["text"])


def view_bars(name: str, size: str, views: dict[str, dict[str, float]]) -> Iterator[Bar]:
    """Bars for the views of our Gaussians or mesh at one size, against the baselines at that size."""
    own, label = views[name], f"{name}, {size} px"
    for baseline in (COPIED, MEAN, INFLATED):
        gain = own["psnr"] - views[baseline]["psnr"]
        claim = f"{label}: PSNR at least {MIN_GAIN_DB:.0f} dB above {baseline.lower()}"
        yield claim, f"{gain:+.2f} dB", gain >= MIN_GAIN_DB
    for metric, (key, sign) in SHARPER.items():
        rival = max(sign * views[baseline][key] for baseline in (COPIED, INFLATED))
        claim = f"{label}: {metric} better than the copied view's and the inflated silhouette's"
        yield claim, f"{own[key]:.3f} against {sign * rival:.3f}", sign * own[key] > rival
    yield f"{label}: silhouette IoU at least {MIN_IOU}", f"{own['iou']:.3f}", own["iou"] >= MIN_IOU


def text_bars(summary: dict[str, Any]) -> Iterator[Bar]:
    """Bars for the text benchmark."""
    shares = (
        ("top-1 at least", summary["top_1"], MIN_TOP_1, summary["prompts"]),
        ("top-5 at least", summary["top_5"], MIN_TOP_5, summary["prompts"]),
        ("asked colours right in at least", summary["colors_right"], MIN_COLORS, summary["colors_asked"]),
    )
    for claim, share, least, count in shares:
        yield f"Text: {claim} {least:.0%}", f"{share:.0%} of {count}", share >= least


if __name__ == "__main__":
    main()
