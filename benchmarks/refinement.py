"""Stage 2 with a prior of 256 px that knows the object: `python benchmarks/refinement.py`.

Gaussians fitted to the true views are meshed and textured (stage 1); stage 2 then hears the analytic prior, whose
images are the true views. Both are compared with the true views by PSNR and ST-LPIPS. Prints a table.
"""

import os

os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

import argparse
from dataclasses import replace
from pathlib import Path

import torch

from dreamgaussian.core.camera import Camera, nearest_camera
from dreamgaussian.evaluate.dataset import BenchmarkObject, read_index, read_object
from dreamgaussian.evaluate.methods import mesh_views
from dreamgaussian.evaluate.metrics import Networks, ViewJudge
from dreamgaussian.formats import load_gaussians
from dreamgaussian.guidance.analytic import AnalyticPrior
from dreamgaussian.guidance.spec import CameraDomain, PriorSpec
from dreamgaussian.inputs.subject import Subject
from dreamgaussian.meshing.build import build_mesh
from dreamgaussian.raster.cpu import CpuRasterizer
from dreamgaussian.texture.bake import bake
from dreamgaussian.texture.from_gaussians import gaussian_views
from dreamgaussian.texture.refine import refine
from dreamgaussian.texture.settings import BakeSettings, RefineSettings


def main() -> None:
    """Refine and compare."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("fits", type=Path, help="folder of Gaussians that benchmarks/surface.py --fits wrote")
    parser.add_argument("--fit", default="normals", help="which of its fits")
    parser.add_argument("--objects", type=int, nargs="+", default=(7, 10, 14, 9, 3))
    parser.add_argument("--rounds", type=int, default=10)
    arguments = parser.parse_args()
    networks = Networks.load()
    print("| Object | Stage | PSNR | ST-LPIPS |\n| --- | --- | ---: | ---: |")
    for index in arguments.objects:
        subject = read_object(read_index()[index])
        gaussians = load_gaussians(arguments.fits / f"{subject.entry.key} {arguments.fit}.ply")
        views = list(gaussian_views(gaussians, CpuRasterizer(), BakeSettings()))
        baked = bake(build_mesh(gaussians, outlines=[view.outline for view in views]), views, 1024)
        settings = RefineSettings(steps=arguments.rounds)
        *_, last = refine(baked, known_prior(subject), Subject(), torch.Generator().manual_seed(0), settings)
        judge = ViewJudge(networks, subject.views)
        for stage, mesh in (("1", baked), ("2", last.mesh)):
            scores = judge.score(mesh_views(mesh, subject.entry.cameras, subject.entry.input_camera).images)
            print(f"| {subject.entry.name} | {stage} | {scores.psnr:.2f} | {scores.st_lpips:.4f} |", flush=True)


def known_prior(subject: BenchmarkObject) -> AnalyticPrior:
    """A prior of 256 px whose images are the object's true views."""
    entry = subject.entry

    def target(camera: Camera) -> torch.Tensor:
        return subject.views[nearest_camera(entry.cameras, camera)].permute(2, 0, 1)

    domain = replace(CameraDomain(), fixed_views_deg=entry.views_deg, elevation_range_deg=(-90.0, 90.0))
    return AnalyticPrior(PriorSpec("analytic", 256, None, domain=domain, x_bound=1.0), target, std=0.02)


if __name__ == "__main__":
    main()
