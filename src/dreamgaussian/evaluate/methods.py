"""What is compared: the pictures that each baseline and each stage of the pipeline shows of an object."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import torch
from jaxtyping import Float
from torch import Tensor

from dreamgaussian.camera import Camera
from dreamgaussian.evaluate import baselines
from dreamgaussian.evaluate.dataset import BenchmarkObject
from dreamgaussian.gaussians import Gaussians
from dreamgaussian.guidance import Prior
from dreamgaussian.guidance.distill import sample
from dreamgaussian.mesh.mesh import Mesh
from dreamgaussian.mesh.raster import MeshScene, render_mesh
from dreamgaussian.raster import Rasterizer

COPIED = "Copied input"
BILLBOARD = "Billboard"
INFLATED = "Inflated silhouette"
MEAN = "Mean view (oracle)"
LIFTED = "Prior, lifted"
SAMPLED = "Prior, sampled"
GAUSSIANS = "Gaussians"
BAKED = "Mesh before stage 2"
MESH = "Mesh"
SAMPLING_STEPS = 20


@dataclass(frozen=True, eq=False)
class Views:
    """What a method shows, as premultiplied RGBA."""

    pictures: Float[Tensor, "n s s 4"]
    """From the cameras of the true views; at the prior's own resolution where a prior shows them."""
    front: Float[Tensor, "r r 4"] | None = None
    """From the input camera."""
    mesh: Mesh | None = None
    """Whose shape can be compared."""


@runtime_checkable
class LiftingPrior(Protocol):
    """A prior that knows what it will see of every view before any diffusion."""

    def lifted_view(self, camera: Camera) -> Float[Tensor, "4 h w"]:
        """Premultiplied RGBA."""
        ...


def baseline_views(
    subject: BenchmarkObject, cameras: Sequence[Camera], truth: Float[Tensor, "n s s 4"]
) -> dict[str, Views]:
    """Of all baselines."""
    picture, front = subject.input_view, subject.entry.input_camera
    mesh = baselines.inflated_mesh(picture, front)
    inflated = [baselines.inflated_view(mesh, picture, front, camera) for camera in [front, *cameras]]
    return {
        COPIED: Views(baselines.copied_view(picture, len(cameras)), picture),
        BILLBOARD: Views(torch.stack([baselines.billboard(picture, front, camera) for camera in cameras]), picture),
        INFLATED: Views(torch.stack(inflated[1:]), inflated[0], mesh),
        MEAN: Views(baselines.mean_view(truth)),
    }


def prior_views(prior: Prior, cameras: Sequence[Camera], seed: int) -> dict[str, Views]:
    """Of the prior alone, where it sees single views as RGBA, which alone can be compared with the truth's."""
    spec = prior.spec
    shown: dict[str, Views] = {}
    if isinstance(prior, LiftingPrior):
        small = [camera.resized(spec.resolution) for camera in cameras]
        lifted = torch.stack([prior.lifted_view(camera) for camera in small])
        shown[LIFTED] = Views(lifted.permute(0, 2, 3, 1).float())
    if spec.views_per_sample == 1 and spec.background is None:
        generator = torch.Generator().manual_seed(seed)
        scale, samples = spec.guidance_scale, [[camera] for camera in cameras]
        pictures = sample(prior, samples, steps=SAMPLING_STEPS, scale=scale, generator=generator)
        shown[SAMPLED] = Views(pictures[:, 0].permute(0, 2, 3, 1).float())
    return shown


def gaussian_views(gaussians: Gaussians, rasterizer: Rasterizer, cameras: Sequence[Camera], front: Camera) -> Views:
    """Of the Gaussians."""
    with torch.no_grad():
        renders = [rasterizer.render(gaussians, camera) for camera in [front, *cameras]]
    pictures = [torch.cat([render.color, render.alpha[..., None]], dim=-1).clamp(0, 1) for render in renders]
    return Views(torch.stack(pictures[1:]), pictures[0])


def mesh_views(mesh: Mesh, cameras: Sequence[Camera], front: Camera) -> Views:
    """Of a textured mesh."""
    scene = MeshScene(mesh.vertices, mesh.faces)
    with torch.no_grad():
        renders = [render_mesh(mesh, camera, scene=scene) for camera in [front, *cameras]]
    pictures = [torch.cat([render.color, render.alpha[..., None]], dim=-1) for render in renders]
    return Views(torch.stack(pictures[1:]), pictures[0], mesh)
