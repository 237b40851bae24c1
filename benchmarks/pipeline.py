"""Seconds per stage and peak memory of one whole run, in this fresh process: `python benchmarks/pipeline.py`.

Writes benchmarks/results/pipeline.md.
"""

import os

os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

import argparse
import platform
import statistics
import time
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path

from commit import commit

ROOT = Path(__file__).parents[1]
GUIDED_EVALUATIONS = 20


def main() -> None:
    """Measure, print and write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--image", type=Path, default=ROOT / "examples" / "hamburger.png")
    parser.add_argument("--preset", default="default")
    parser.add_argument("--output", type=Path, default=ROOT / "benchmarks" / "results" / "pipeline.md")
    arguments = parser.parse_args()
    table = measure(arguments.image, arguments.preset)
    arguments.output.parent.mkdir(parents=True, exist_ok=True)
    arguments.output.write_text(table, encoding="utf-8")
    print(table)


def measure(image: Path, preset_name: str) -> str:
    """A Markdown page."""
    wall, cpu = {"Loading": time.perf_counter()}, {"Loading": time.process_time()}
    import torch

    from dreamgaussian import preset
    from dreamgaussian.pipeline import generate
    from dreamgaussian.runs.folder import peak_memory_mb
    from dreamgaussian.runs.opening import open_run

    wall["Opening"], cpu["Opening"] = time.perf_counter(), time.process_time()
    run = open_run(image, preset(preset_name))
    wall["Gaussians"], cpu["Gaussians"] = time.perf_counter(), time.process_time()
    for snapshot in generate(run):
        if snapshot.stage not in wall:
            wall[snapshot.stage], cpu[snapshot.stage] = time.perf_counter(), time.process_time()
    wall["End"], cpu["End"] = time.perf_counter(), time.process_time()
    memory = peak_memory_mb()

    lines = [
        f"# One run of the {preset_name} preset on {image.name}",
        "",
        f"{datetime.now(UTC):%Y-%m-%d}, commit {commit()}, {platform.system()} {platform.machine()}, "
        f"{os.cpu_count()} CPU cores, {torch.get_num_threads()} threads, torch {torch.__version__}, "
        f"device {run.config.device}, rasteriser {run.rasterizer.name}, "
        f"load of the machine when it ended: {os.getloadavg()[0]:.1f}",
        "",
        "| Stage | Seconds | CPU seconds |",
        "| --- | ---: | ---: |",
    ]
    for stage, following in pairwise(wall):
        lines.append(f"| {stage} | {wall[following] - wall[stage]:.1f} | {cpu[following] - cpu[stage]:.1f} |")
    faces = 0 if snapshot.mesh is None else len(snapshot.mesh.faces)
    lines += [
        f"| **Together** | **{wall['End'] - wall['Loading']:.1f}** | **{cpu['End'] - cpu['Loading']:.1f}** |",
        "",
        f"Peak memory: {memory:,.0f} MB. A guided evaluation of the prior (two conditions, one view): "
        f"{1000 * _guided_evaluation(run.prior):.0f} ms, median of {GUIDED_EVALUATIONS}. "
        f"{len(snapshot.gaussians):,} Gaussians, {faces:,} triangles.",
        "",
    ]
    return "\n".join(lines)


def _guided_evaluation(prior) -> float:
    """Median seconds of one classifier-free guided prediction."""
    import torch

    from dreamgaussian.core.camera import Camera

    spec = prior.spec
    x = torch.zeros(1, spec.views_per_sample, spec.channels, spec.resolution, spec.resolution)
    t, seconds = torch.tensor([0.5]), []
    for number in range(GUIDED_EVALUATIONS):
        cameras = [[Camera.orbit(17 * number, 10, spec.resolution)] * spec.views_per_sample]
        start = time.perf_counter()
        prior.predict_noise(prior.encode(x), t, cameras, ("conditional", "unconditional"))
        seconds.append(time.perf_counter() - start)
    return statistics.median(seconds)


if __name__ == "__main__":
    main()
