"""A prior of your own: here the analytic one, which pulls the Gaussians towards images that a function draws.

python examples/03_your_own_prior.py FOLDER
"""

import sys
from pathlib import Path

import torch
from torch import Tensor

import dreamgaussian as dg
from dreamgaussian.guidance.analytic import AnalyticPrior
from dreamgaussian.guidance.spec import PriorSpec
from dreamgaussian.inputs.subject import Subject


def ball(camera: dg.Camera) -> Tensor:
    """Premultiplied RGBA of a ball of radius 0.5, coloured by where its surface faces."""
    position, directions = camera.rays()
    along = directions @ position
    root = along**2 - position @ position + 0.25
    hit = root > 0
    points = position + (-along - root.clamp_min(0).sqrt())[..., None] * directions
    colors = (0.5 + points) * hit[..., None]
    return torch.cat([colors, hit[..., None]], dim=-1).permute(2, 0, 1).float()


def main(folder: Path, steps: int = 300) -> None:
    prior = AnalyticPrior(PriorSpec("ball", resolution=64, background=None, x_bound=1.0), ball, std=0.02)
    rasterizer = dg.choose_rasterizer("auto", torch.device("cpu"))
    settings = dg.FitSettings(steps=steps)
    state = dg.FitState.start(settings, seed=0)
    for step in dg.fit(state, rasterizer, prior, Subject(prompt="a ball"), settings):
        if step.step % 50 == 0:
            print(f"step {step.step}: loss {step.loss:.2f}, {len(step.gaussians):,} Gaussians")
    dg.save(state.gaussians, folder / "ball.ply")
    dg.save(dg.build_mesh(state.gaussians), folder / "ball.obj")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
