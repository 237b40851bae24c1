"""Surfaces of known objects against the true ones, method by method: `python benchmarks/surface.py`.

Gaussians are fitted to an object's 16 true views (the analytic prior at 256 px), with and without losses on their
surface, meshed, and the meshes compared with points on the true surface. Writes benchmarks/results/surface.md.
"""

import os

os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

import argparse
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import torch
from commit import commit
from scipy.spatial import KDTree

from dreamgaussian.core.camera import Camera, nearest_camera
from dreamgaussian.core.gaussians import Gaussians
from dreamgaussian.evaluate.dataset import BenchmarkObject, read_index, read_object
from dreamgaussian.evaluate.metrics import compare_points
from dreamgaussian.evaluate.surface_points import sample_surface
from dreamgaussian.fitting.loop import fit
from dreamgaussian.fitting.settings import DistillSettings, FitSettings, SurfaceSettings
from dreamgaussian.fitting.state import FitState
from dreamgaussian.formats import load_gaussians, save
from dreamgaussian.guidance.analytic import AnalyticPrior
from dreamgaussian.guidance.spec import CameraDomain, PriorSpec
from dreamgaussian.inputs.subject import Subject
from dreamgaussian.meshing.build import build_mesh
from dreamgaussian.meshing.extract import Outline
from dreamgaussian.meshing.settings import MeshSettings
from dreamgaussian.raster.cpu import CpuRasterizer
from dreamgaussian.texture.from_gaussians import gaussian_views
from dreamgaussian.texture.settings import BakeSettings

ROOT = Path(__file__).parents[1]
OBJECTS = (7, 10, 14, 9, 3)
"""Teddy bear, teapot, armchair, toy train, roasted chicken."""
STEPS = 400
POINTS = 20_000
NEIGHBOURS = 12
"""Points whose plane gives the true normal."""
FITS = {
    "plain": SurfaceSettings(normals=0),
    "normals": SurfaceSettings(normals=300),
    "flat, as 2DGS": SurfaceSettings(flatness=1000, normals=300, start=0),
}
METHODS = {
    "density, level 1 (the paper)": MeshSettings(density=1.0),
    "density, matched level": MeshSettings(method="density"),
    "TSDF of mean depths": MeshSettings(method="tsdf"),
}


@dataclass(frozen=True)
class Scores:
    """A mesh against the truth."""

    chamfer: float
    f_score: float
    """Within 0.05."""
    fine_f_score: float
    """Within 0.02."""
    normals: float
    """Mean absolute cosine between a point's normal and that of the nearest true one."""
    watertight: float
    seconds: float
    """Of the process, atlas included."""


def main() -> None:
    """Fit, mesh, compare, write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--fits", type=Path, help="folder that keeps the fitted Gaussians, and from which they come")
    parser.add_argument("--objects", type=int, nargs="+", default=OBJECTS)
    parser.add_argument("--output", type=Path, default=ROOT / "benchmarks" / "results" / "surface.md")
    arguments = parser.parse_args()
    entries = [read_index()[index] for index in arguments.objects]
    scores: dict[tuple[str, str], list[Scores]] = {(fit, method): [] for fit in FITS for method in METHODS}
    for entry in entries:
        subject = read_object(entry)
        for fit_name, surface in FITS.items():
            kept = arguments.fits / f"{entry.key} {fit_name}.ply" if arguments.fits else None
            if kept and kept.exists():
                gaussians = load_gaussians(kept)
            else:
                gaussians = fitted(subject, surface)
                if kept:
                    save(gaussians, kept)
            views = [view.outline for view in gaussian_views(gaussians, CpuRasterizer(), BakeSettings())]
            for name, settings in METHODS.items():
                scores[fit_name, name].append(measure(gaussians, views, settings, subject.points))
                print(entry.name, fit_name, name, scores[fit_name, name][-1], flush=True)
    arguments.output.write_text(page(scores, [entry.name for entry in entries]), encoding="utf-8")


def fitted(subject: BenchmarkObject, surface: SurfaceSettings) -> Gaussians:
    """Gaussians that show the object as its true views do."""
    entry = subject.entry

    def target(camera: Camera) -> torch.Tensor:
        return subject.views[nearest_camera(entry.cameras, camera)].permute(2, 0, 1)

    domain = CameraDomain(fixed_views_deg=entry.views_deg, elevation_range_deg=(-90.0, 90.0))
    prior = AnalyticPrior(PriorSpec("analytic", 256, None, domain=domain, x_bound=1.0), target, std=0.02)
    distill = DistillSettings(weight=0.1, render_scales=(1.0,))
    settings = FitSettings(steps=STEPS, distill=distill, surface=surface)
    state = FitState.start(settings, 0)
    for _ in fit(state, CpuRasterizer(), prior, Subject(), settings):
        pass
    return state.gaussians


def measure(gaussians: Gaussians, views: Sequence[Outline], settings: MeshSettings, truth: np.ndarray) -> Scores:
    """Make a mesh and score it."""
    import trimesh

    start = time.process_time()
    mesh = build_mesh(gaussians, settings, views)
    seconds = time.process_time() - start
    vertices, faces = mesh.vertices.numpy(), mesh.faces.numpy()
    points, owners, _ = sample_surface(vertices, faces, POINTS, np.random.default_rng(0))
    solid = trimesh.Trimesh(vertices, faces)
    shape = compare_points(points, truth)
    to_truth, nearest = KDTree(truth).query(points)
    to_ours = KDTree(points).query(truth)[0]
    precision, recall = (float((each < 0.02).mean()) for each in (to_truth, to_ours))
    triangles = vertices[faces[owners]]
    normals = unit(np.cross(triangles[:, 1] - triangles[:, 0], triangles[:, 2] - triangles[:, 0]))
    agreement = np.abs((normals * true_normals(truth)[nearest]).sum(axis=1)).mean()
    fine = 2 * precision * recall / max(precision + recall, 1e-9)
    watertight = float(solid.is_watertight)
    return Scores(shape.chamfer, shape.f_score, fine, float(agreement), watertight, seconds)


def true_normals(points: np.ndarray) -> np.ndarray:
    """Of either sign: the direction in which a point's neighbours vary least."""
    _, neighbours = KDTree(points).query(points, k=NEIGHBOURS)
    around = points[neighbours] - points[neighbours].mean(axis=1, keepdims=True)
    return np.linalg.eigh(np.einsum("nki,nkj->nij", around, around))[1][:, :, 0]


def unit(vectors: np.ndarray) -> np.ndarray:
    """Vectors of unit length."""
    return vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-12)


def page(scores: dict[tuple[str, str], list[Scores]], names: Sequence[str]) -> str:
    """A Markdown page of means."""
    lines = [
        f"# Surfaces of {len(names)} known objects",
        "",
        f"{datetime.now(UTC):%Y-%m-%d}, commit {commit()}, one thread of {os.cpu_count()} cores, load "
        f"{os.getloadavg()[0]:.0f}. Gaussians fitted to 16 true views; means over",
        f"{', '.join(names).lower()}. Chamfer distance in world units (the subject is",
        "1.46 long); normals: mean absolute cosine with the true ones; CPU seconds of the mesh stage with its atlas,",
        "20,000 triangles.",
        "",
        "| Fit | Surface | Chamfer | F at 0.05 | F at 0.02 | Normals | Watertight | CPU seconds |",
        "| --- | --- | ---: | ---: | ---: | ---: | ---: | ---: |",
    ]
    for (fit_name, name), each in scores.items():
        mean = {field: np.mean([getattr(score, field) for score in each]) for field in Scores.__annotations__}
        lines.append(
            f"| {fit_name} | {name} | {mean['chamfer']:.4f} | {mean['f_score']:.3f} | {mean['fine_f_score']:.3f} "
            f"| {mean['normals']:.3f} | {mean['watertight']:.0%} | {mean['seconds']:.1f} |"
        )
    lines += ["", "The fits:", ""]
    lines += [
        f"- {name}: flatness {fit.flatness:g}, normals {fit.normals:g}, from {fit.start:.0%} of the steps"
        for name, fit in FITS.items()
    ]
    return "\n".join([*lines, ""])


if __name__ == "__main__":
    main()
