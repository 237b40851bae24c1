"""How well a prior tells the elevation of the benchmark's input pictures: `python benchmarks/elevation.py`.

`--prior stable-zero123` where its weights are at hand. Prints the mean error beside that of the best constant answer,
which knows nothing but the benchmark.
"""

import os

os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

import argparse
import statistics
from collections.abc import Callable
from dataclasses import replace

import torch

from dreamgaussian.camera import Camera
from dreamgaussian.evaluate.dataset import BenchmarkObject, read_index, read_object
from dreamgaussian.guidance import Prior, open_prior
from dreamgaussian.guidance.elevation import ElevationAware, estimate_elevation
from dreamgaussian.subject import Crop, Subject, View


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
        view = input_view(read_object(entry))
        prior_at = conditioned(arguments.prior, arguments.prior_path, torch.device(arguments.device), view)
        true.append(entry.elevation_deg)
        told.append(estimate_elevation(prior_at, view, torch.Generator().manual_seed(0)))
        print(f"{entry.name}: {true[-1]:.0f} degrees, told {told[-1]:.0f}", flush=True)
    errors = [abs(a - b) for a, b in zip(true, told, strict=True)]
    middle = statistics.median(true)
    constant = [abs(a - middle) for a in true]
    print(f"{len(true)} pictures from {min(true):.0f} to {max(true):.0f} degrees")
    print(f"Mean error: {statistics.mean(errors):.1f} degrees")
    print(f"Correlation with the truth: {statistics.correlation(true, told):.2f}")
    print(f"Always answering {middle:.0f} degrees: mean error {statistics.mean(constant):.1f}")


def input_view(subject: BenchmarkObject) -> View:
    """The input picture, straight, as a run would see it."""
    rgba = subject.input_view.clone()
    rgba[..., :3] /= rgba[..., 3:].clamp(min=1e-6)
    return View(rgba, subject.entry.input_camera, Crop(1.0, (0.0, 0.0)))


def conditioned(name: str, path: str | None, device: torch.device, view: View) -> Callable[[float], Prior]:
    """The prior, conditioned on the picture as taken from an elevation."""

    def opened(elevation_deg: float) -> Prior:
        seen = replace(view, camera=Camera.orbit(0, elevation_deg, view.camera.width))
        return open_prior(name, Subject((seen,)), device, path)

    prior = opened(0.0)
    return prior.at_elevation if isinstance(prior, ElevationAware) else opened


if __name__ == "__main__":
    main()
