"""A prior of your own guides a whole run: here one that knows what a ball looks like from every side.

python examples/03_your_own_prior.py IMAGE FOLDER
"""

import math
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import torch
from torch import Tensor

import dreamgaussian as dg


class BallPrior:
    """A diffusion model in closed form: its images are Gaussian around those of a ball.

    The members are those of `dreamgaussian.guidance.prior.Prior`; a network of yours takes their place.
    """

    spec = dg.PriorSpec("ball", resolution=64, background=None, x_bound=1.0)
    suggested = dg.SuggestedSettings(refine_rounds=2)
    std = 0.2

    def alpha_sigma(self, t: Tensor) -> tuple[Tensor, Tensor]:
        return torch.cos(t * math.pi / 2), torch.sin(t * math.pi / 2)

    def encode(self, images: Tensor) -> Tensor:
        return images * 2 - 1

    def decode(self, x: Tensor) -> Tensor:
        return (x + 1) / 2

    @torch.no_grad()
    def predict_noise(
        self, x_t: Tensor, t: Tensor, cameras: Sequence[Sequence[dg.Camera]], conditions: Sequence[str]
    ) -> Tensor:
        views = torch.stack([torch.stack([ball(camera.resized(64)) for camera in sample]) for sample in cameras])
        alpha, sigma = (level.view(-1, 1, 1, 1, 1) for level in self.alpha_sigma(t))
        noise = sigma * (x_t - alpha * self.encode(views).to(x_t)) / ((alpha * self.std) ** 2 + sigma**2)
        return torch.stack([noise] * len(conditions))


def ball(camera: dg.Camera) -> Tensor:
    """Premultiplied RGBA of a ball of radius 0.5, coloured by where its surface faces."""
    position, directions = camera.rays()
    along = directions @ position
    root = along**2 - position @ position + 0.25
    hit = root > 0
    points = position + (-along - root.clamp_min(0).sqrt())[..., None] * directions
    colors = (0.5 + points) * hit[..., None]
    return torch.cat([colors, hit[..., None]], dim=-1).permute(2, 0, 1).float()


def main(image: Path, folder: Path, steps: int = 300) -> None:
    settings = dg.preset("quick")
    settings = replace(settings, fit=replace(settings.fit, steps=steps))
    result = dg.image_to_3d(image, settings, prior=BallPrior(), output=folder)
    print(f"{len(result.gaussians):,} Gaussians, {len(result.mesh.faces):,} triangles, seconds: {result.seconds}")
    print("\n".join(str(path) for path in result.files))


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
