"""The stages one by one: watch the fit, stop it, go on from a file.

python examples/02_step_by_step.py IMAGE FOLDER
"""

import sys
from itertools import islice
from pathlib import Path

import torch

import dreamgaussian as dg


def main(image: Path, folder: Path, steps: int = 300) -> None:
    settings = dg.FitSettings(steps=steps)
    subject = dg.subject_from_image(image)
    prior = dg.open_prior("mini", subject, torch.device("cpu"))
    rasterizer = dg.choose_rasterizer("auto", torch.device("cpu"))

    state = dg.FitState.start(settings, seed=0)
    for step in islice(dg.fit(state, rasterizer, prior, subject, settings), steps // 2):
        if step.step % 25 == 0:
            print(f"step {step.step}: loss {step.loss:.1f}, {len(step.gaussians):,} Gaussians")
    state.save(folder / "half-way.safetensors")

    state = dg.FitState.load(folder / "half-way.safetensors")
    for step in dg.fit(state, rasterizer, prior, subject, settings):
        if step.step % 25 == 0:
            print(f"step {step.step}: loss {step.loss:.1f}, {len(step.gaussians):,} Gaussians")
    dg.save(state.gaussians, folder / "gaussians.ply")
    dg.save(dg.build_mesh(state.gaussians), folder / "shape.obj")


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
