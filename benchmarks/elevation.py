"""How well a prior estimates the elevation of the benchmark's input images: `python benchmarks/elevation.py`.

`--prior stable-zero123` where its weights are at hand; `--prior truth` knows each object's surface and colours, and so
bounds what the method can do. Prints the mean error beside that of the best constant answer, which knows nothing but
the benchmark.
"""

import os

os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

import argparse
import statistics
from collections.abc import Callable
from dataclasses import replace
from functools import cache

import torch

from dreamgaussian.core.camera import Camera
from dreamgaussian.core.gaussians import Gaussians
from dreamgaussian.core.image import unpremultiply
from dreamgaussian.evaluate.dataset import VIEW_SIZE, BenchmarkObject, read_index, read_object
from dreamgaussian.evaluate.metrics import shrink
from dreamgaussian.guidance.analytic import AnalyticPrior
from dreamgaussian.guidance.prior import Prior
from dreamgaussian.guidance.spec import PriorSpec
from dreamgaussian.inputs.subject import Crop, Subject, View
from dreamgaussian.priors.elevation import ElevationAware, likeliest_elevation
from dreamgaussian.priors.registry import open_prior
from dreamgaussian.raster import Render, choose_rasterizer

TRUTH = PriorSpec("truth", resolution=64, background=None)
NEAR = 0.05
"""A point this much behind the surface that a view sees is still seen, in world units."""


def main() -> None:
    """Ask for every object and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--prior", default="mini")
    parser.add_argument("--prior-path")
    parser.add_argument("--objects", type=int, default=40, help="at least 2")
    parser.add_argument("--device", default="cpu")
    arguments = parser.parse_args()
    true, told = [], []
    for entry in read_index()[: arguments.objects]:
        subject = read_object(entry)
        view = input_view(subject)
        if arguments.prior == "truth":
            prior_at = knowing(subject)
        else:
            prior_at = conditioned(arguments.prior, arguments.prior_path, torch.device(arguments.device), view)
        true.append(entry.elevation_deg)
        told.append(likeliest_elevation(prior_at, view, torch.Generator().manual_seed(0)))
        print(f"{entry.name}: {true[-1]:.0f} degrees, told {told[-1]:.0f}", flush=True)
    errors = [abs(a - b) for a, b in zip(true, told, strict=True)]
    middle = statistics.median(true)
    constant = [abs(a - middle) for a in true]
    print(f"{len(true)} images from {min(true):.0f} to {max(true):.0f} degrees")
    print(f"Mean error: {statistics.mean(errors):.1f} degrees")
    print(f"Correlation with the truth: {statistics.correlation(true, told):.2f}")
    print(f"Always answering {middle:.0f} degrees: mean error {statistics.mean(constant):.1f}")


def input_view(subject: BenchmarkObject) -> View:
    """The input image, straight, as a run would see it."""
    return View(unpremultiply(subject.input_view), subject.entry.input_camera, Crop(1.0, (0.0, 0.0)))


def conditioned(name: str, path: str | None, device: torch.device, view: View) -> Callable[[float], Prior]:
    """The prior, conditioned on the image as taken from an elevation."""

    def opened(elevation_deg: float) -> Prior:
        seen = replace(view, camera=Camera.orbit(0, elevation_deg, view.camera.width))
        return open_prior(name, Subject((seen,)), device, path)

    prior = opened(0.0)
    return prior.at_elevation if isinstance(prior, ElevationAware) else opened


def knowing(subject: BenchmarkObject) -> Callable[[float], Prior]:
    """A prior that knows the true surface and, from the true views, its colours, whatever elevation it is told."""
    rasterizer = choose_rasterizer("auto", torch.device("cpu"))
    points = torch.from_numpy(subject.points)
    gaussians = Gaussians.at_points(points, torch.zeros_like(points), opacity=0.9)
    colors = seen_colors(subject, points, [rasterizer.render(gaussians, each) for each in subject.entry.cameras])
    gaussians = Gaussians.at_points(points, colors, opacity=0.9)

    @cache
    def seen_from(elevation_deg: float) -> torch.Tensor:
        render = rasterizer.render(gaussians, Camera.orbit(0, elevation_deg, VIEW_SIZE))
        return shrink(render.rgba[None], TRUTH.resolution)[0].movedim(-1, 0)

    prior = AnalyticPrior(TRUTH, lambda camera: seen_from(camera.elevation_deg))
    return lambda _: prior


def seen_colors(subject: BenchmarkObject, points: torch.Tensor, renders: list[Render]) -> torch.Tensor:
    """The mean colour in which the true views see each point; grey where none does."""
    total = torch.full((len(points), 4), 1e-6)
    total[:, :3] *= 0.5
    for camera, view, render in zip(subject.entry.cameras, subject.views, renders, strict=True):
        pixels, depths = camera.project(points)
        columns, rows = pixels.long().clamp(0, camera.width - 1).unbind(dim=-1)
        visible = depths < render.expected_depth[rows, columns] + NEAR
        total += visible[:, None] * view[rows, columns]
    return total[:, :3] / total[:, 3:]


if __name__ == "__main__":
    main()
