"""What is compared: the images that each baseline and each stage of the pipeline shows of an object."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import torch
from jaxtyping import Float
from torch import Tensor

from dreamgaussian.core.camera import Camera
from dreamgaussian.core.gaussians import Gaussians
from dreamgaussian.core.mesh import Mesh
from dreamgaussian.evaluate import baselines
from dreamgaussian.evaluate.dataset import VIEW_SIZE, BenchmarkObject
from dreamgaussian.guidance.distill import sample
from dreamgaussian.guidance.prior import Prior
from dreamgaussian.raster import Rasterizer
from dreamgaussian.raster.mesh import MeshScene, render_mesh

COPIED = "Copied input"
BILLBOARD = "Billboard"
INFLATED = "Inflated silhouette"
MEAN = "Mean view (oracle)"
LIFTED = "Prior, lifted"
SAMPLED = "Prior, sampled"
GAUSSIANS = "Gaussians"
BAKED = "Mesh before stage 2"
MESH = "Mesh"
SAMPLING_STEPS = 10


@dataclass(frozen=True, eq=False)
class MethodViews:
    """What a method shows, as premultiplied RGBA."""

    images: Float[Tensor, "n s s 4"]
    """From the cameras of the true views; at the prior's own resolution where a prior shows them."""
    front: Float[Tensor, "r r 4"] | None = None
    """From the input camera."""
    around: Float[Tensor, "8 s s 4"] | None = None
    """From the cameras of `around_cameras`."""
    mesh: Mesh | None = None
    """Whose shape can be compared."""


@runtime_checkable
class LiftingPrior(Protocol):
    """A prior that knows what it will see of every view before any diffusion."""

    def lifted_view(self, camera: Camera) -> Float[Tensor, "4 h w"]:
        """Premultiplied RGBA."""
        ...


def around_cameras() -> list[Camera]:
    """Those from which the paper's CLIP similarity to the input image is taken (`clip_sim` of kiui 0.3.5): eight at
    elevation 0, the first at the front. Images are smaller here than its 800 pixels.
    """
    return [Camera.orbit(45 * index, 0, VIEW_SIZE, radius=3.0, fovy_deg=50.0) for index in range(8)]


def baseline_views(
    subject: BenchmarkObject, cameras: Sequence[Camera], truth: Float[Tensor, "n s s 4"]
) -> dict[str, MethodViews]:
    """Of all baselines."""
    image, front = subject.input_view, subject.entry.input_camera
    mesh = baselines.inflated_mesh(image, front)

    def inflated(camera: Camera) -> Float[Tensor, "s s 4"]:
        return baselines.inflated_view(mesh, image, front, camera)

    return {
        COPIED: MethodViews(baselines.copied_view(image, len(cameras)), image),
        BILLBOARD: MethodViews(torch.stack([baselines.billboard(image, front, camera) for camera in cameras]), image),
        INFLATED: _all_views(inflated, cameras, front, mesh),
        MEAN: MethodViews(baselines.mean_view(truth)),
    }


def prior_views(prior: Prior, cameras: Sequence[Camera], seed: int) -> dict[str, MethodViews]:
    """Of the prior alone, where it sees single views as RGBA, which alone can be compared with the truth's."""
    spec = prior.spec
    shown: dict[str, MethodViews] = {}
    if isinstance(prior, LiftingPrior):
        small = [camera.resized(spec.resolution) for camera in cameras]
        lifted = torch.stack([prior.lifted_view(camera) for camera in small])
        shown[LIFTED] = MethodViews(lifted.permute(0, 2, 3, 1).float())
    if spec.views_per_sample == 1 and spec.background is None:
        generator = torch.Generator().manual_seed(seed)
        scale, samples = prior.suggested.guidance_scale, [[camera] for camera in cameras]
        images = sample(prior, samples, steps=SAMPLING_STEPS, scale=scale, generator=generator)
        shown[SAMPLED] = MethodViews(images[:, 0].permute(0, 2, 3, 1).float())
    return shown


def gaussian_views(
    gaussians: Gaussians, rasterizer: Rasterizer, cameras: Sequence[Camera], front: Camera
) -> MethodViews:
    """Of the Gaussians."""

    def draw(camera: Camera) -> Float[Tensor, "s s 4"]:
        render = rasterizer.render(gaussians, camera)
        return render.rgba.clamp(0, 1).cpu()

    return _all_views(draw, cameras, front)


def mesh_views(mesh: Mesh, cameras: Sequence[Camera], front: Camera) -> MethodViews:
    """Of a textured mesh."""
    scene = MeshScene(mesh.vertices, mesh.faces)

    def draw(camera: Camera) -> Float[Tensor, "s s 4"]:
        render = render_mesh(mesh, camera, scene=scene)
        return render.rgba

    return _all_views(draw, cameras, front, mesh)


@torch.no_grad()
def _all_views(
    draw: Callable[[Camera], Float[Tensor, "s s 4"]], cameras: Sequence[Camera], front: Camera, mesh: Mesh | None = None
) -> MethodViews:
    images, around = (torch.stack([draw(camera) for camera in each]) for each in (cameras, around_cameras()))
    return MethodViews(images, draw(front), around, mesh)
