"""CPU seconds from Gaussians to the file of a textured mesh, part by part: `python benchmarks/mesh.py`.

The cost against the number of Gaussians and the size of the grid, each case in a process of its own. Writes the first
section of benchmarks/results/mesh.md and keeps the others.
"""

import os

os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

import argparse
import math
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import torch

from dreamgaussian.core.gaussians import SH_C0, Gaussians
from dreamgaussian.formats import save
from dreamgaussian.meshing.clean import clean, close_cavities, decimate
from dreamgaussian.meshing.extract import extract_surface, fit_iso_level
from dreamgaussian.meshing.field import add_gaussians, empty_field
from dreamgaussian.meshing.settings import MeshSettings
from dreamgaussian.meshing.unwrap import unwrap
from dreamgaussian.raster.cpu import CpuRasterizer
from dreamgaussian.runs.folder import peak_memory_mb
from dreamgaussian.texture.bake import bake
from dreamgaussian.texture.from_gaussians import gaussian_views
from dreamgaussian.texture.settings import BakeSettings

ROOT = Path(__file__).parents[1]
TITLE = "# From Gaussians to a textured mesh"
CASES = (
    *((5_000, 128), (20_000, 128), (200_000, 128), (1_000_000, 128)),
    *((20_000, 64), (20_000, 256), (1_000_000, 256)),
)
"""Gaussians and grid points along a side."""
PARTS = ("Views", "Field", "Level", "Surface", "Cleaning", "Atlas", "Texture", "File")


def main() -> None:
    """Measure, print and write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cases", type=int, default=len(CASES), help="how many of the cases")
    parser.add_argument("--output", type=Path, default=ROOT / "benchmarks" / "results" / "mesh.md")
    arguments = parser.parse_args()
    lines = [
        TITLE,
        "",
        f"{datetime.now(UTC):%Y-%m-%d}, {torch.get_num_threads()} threads, torch {torch.__version__}, load of the "
        f"machine {os.getloadavg()[0]:.1f} at the start. CPU seconds",
        f"of the process; {MeshSettings.faces:,} triangles, {MeshSettings.texture_size} texels a side, 26 views. "
        "Wall: seconds that passed.",
        "",
        f"| Gaussians | Grid | {' | '.join(PARTS)} | Together | Wall | Peak memory |",
        f"| ---: | ---: |{' ---: |' * (len(PARTS) + 3)}",
    ]
    with ProcessPoolExecutor(1, max_tasks_per_child=1) as processes:
        for row in processes.map(row_of, CASES[: arguments.cases]):
            lines.append(row)
            print(row, flush=True)
    arguments.output.write_text("\n".join([*lines, "", *other_sections(arguments.output)]), encoding="utf-8")


def other_sections(path: Path) -> list[str]:
    """What the file holds from its second heading on."""
    lines = path.read_text(encoding="utf-8").split("\n") if path.is_file() else []
    headings = [i for i, line in enumerate(lines) if line.startswith("# ") and line != TITLE]
    return lines[headings[0] :] if headings else []


def row_of(case: tuple[int, int]) -> str:
    """One case as a row of the table."""
    count, resolution = case
    gaussians, start = lobed_ball(count), time.perf_counter()
    seconds = measure(gaussians, MeshSettings(resolution=resolution))
    wall = time.perf_counter() - start
    cells = " | ".join(f"{seconds[part]:.1f}" for part in PARTS)
    total = sum(seconds.values())
    return f"| {count:,} | {resolution} | {cells} | **{total:.1f}** | {wall:.1f} | {peak_memory_mb():,.0f} MB |"


def measure(gaussians: Gaussians, settings: MeshSettings) -> dict[str, float]:
    """CPU seconds of each part."""
    seconds: dict[str, float] = {}

    def timed(part: str, work: Callable[[], Any]) -> Any:
        start = time.process_time()
        result = work()
        seconds[part] = time.process_time() - start
        return result

    views = timed("Views", lambda: list(gaussian_views(gaussians, CpuRasterizer(), BakeSettings())))
    field = empty_field(gaussians, settings.resolution)
    timed("Field", lambda: list(add_gaussians(field, gaussians)))
    field, level = timed("Level", lambda: fit_iso_level(field, [view.outline for view in views[::2]]))
    rough = timed("Surface", lambda: extract_surface(close_cavities(field, level, settings.opening), level))
    solid = timed("Cleaning", lambda: decimate(clean(rough, settings), settings.faces))
    mesh = timed("Atlas", lambda: unwrap(solid, settings.texture_size))
    textured = timed("Texture", lambda: bake(mesh, views, settings.texture_size))
    with tempfile.TemporaryDirectory() as folder:
        timed("File", lambda: save(textured, Path(folder) / "mesh.glb"))
    return seconds


def lobed_ball(count: int) -> Gaussians:
    """Opaque flat Gaussians on a bumpy ball, as many as it takes."""
    generator = torch.Generator().manual_seed(0)
    normals = torch.nn.functional.normalize(torch.randn(count, 3, generator=generator), dim=1)
    radius = 0.6 * (1 + 0.15 * (5 * normals[:, :1]).sin() * (4 * normals[:, 1:2]).cos())
    spacing = 0.7 * 0.6 * math.sqrt(4 * math.pi / count)
    return Gaussians(
        means=normals * radius,
        log_scales=torch.full((count, 3), math.log(spacing)),
        quats_wxyz=torch.tensor([1.0, 0, 0, 0]).repeat(count, 1),
        opacity_logits=torch.full((count,), 3.0),
        sh=(0.4 * normals / SH_C0)[:, None],
    )


if __name__ == "__main__":
    main()
