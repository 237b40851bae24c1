"""CPU seconds from Gaussians to a textured mesh, part by part: `python benchmarks/mesh.py`.

The cost against the number of Gaussians and the size of the grid. Writes benchmarks/results/mesh.md.
"""

import os

os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

import argparse
import math
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import torch

from dreamgaussian.gaussians import SH_C0, Gaussians
from dreamgaussian.mesh.clean import clean, decimate, seal
from dreamgaussian.mesh.extract import extract_surface, match_outlines
from dreamgaussian.mesh.field import density_field
from dreamgaussian.mesh.settings import MeshSettings
from dreamgaussian.mesh.unwrap import unwrap
from dreamgaussian.meshing import gaussian_views
from dreamgaussian.output import peak_memory_mb
from dreamgaussian.raster.cpu import CpuRasterizer
from dreamgaussian.texture.bake import bake
from dreamgaussian.texture.settings import BakeSettings

ROOT = Path(__file__).parents[1]
CASES = ((5_000, 128), (20_000, 128), (20_000, 64), (20_000, 256), (200_000, 128), (1_000_000, 128))
"""Gaussians and grid points along a side."""
PARTS = ("Views", "Field", "Level", "Surface", "Cleaning", "Atlas", "Texture")


def main() -> None:
    """Measure, print and write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cases", type=int, default=len(CASES), help="how many of the cases")
    parser.add_argument("--output", type=Path, default=ROOT / "benchmarks" / "results" / "mesh.md")
    arguments = parser.parse_args()
    lines = [
        "# From Gaussians to a textured mesh",
        "",
        f"{datetime.now(UTC):%Y-%m-%d}, {torch.get_num_threads()} threads, torch {torch.__version__}, load of the "
        f"machine {os.getloadavg()[0]:.1f}. CPU seconds of the process; {MeshSettings.faces:,} triangles,",
        f"{MeshSettings.texture_size} texels a side, 26 views.",
        "",
        f"| Gaussians | Grid | {' | '.join(PARTS)} | Together | Peak memory so far |",
        f"| ---: | ---: | {' ---: |' * len(PARTS)} ---: | ---: |",
    ]
    for count, resolution in CASES[: arguments.cases]:
        seconds = measure(lobed_ball(count), MeshSettings(resolution=resolution))
        cells = " | ".join(f"{seconds[part]:.1f}" for part in PARTS)
        total = sum(seconds.values())
        lines.append(f"| {count:,} | {resolution} | {cells} | **{total:.1f}** | {peak_memory_mb():,.0f} MB |")
        print(lines[-1], flush=True)
    arguments.output.write_text("\n".join([*lines, ""]), encoding="utf-8")


def measure(gaussians: Gaussians, settings: MeshSettings) -> dict[str, float]:
    """CPU seconds of each part."""
    seconds: dict[str, float] = {}

    def timed(part: str, work: Callable[[], Any]) -> Any:
        start = time.process_time()
        result = work()
        seconds[part] = time.process_time() - start
        return result

    views = timed("Views", lambda: list(gaussian_views(gaussians, CpuRasterizer(), BakeSettings())))
    field = timed("Field", lambda: density_field(gaussians, settings.resolution))
    field, level = timed("Level", lambda: match_outlines(field, [view.outline for view in views[::2]]))
    rough = timed("Surface", lambda: extract_surface(seal(field, level, settings.opening), level))
    solid = timed("Cleaning", lambda: decimate(clean(rough, settings), settings.faces))
    mesh = timed("Atlas", lambda: unwrap(solid, settings.texture_size))
    timed("Texture", lambda: bake(mesh, views, settings.texture_size))
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
