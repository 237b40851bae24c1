"""What is compared: views of an object by the baselines and by every stage of a run."""

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
"""Of the view that is sampled from the prior."""


@dataclass(frozen=True, eq=False)
class MethodViews:
    """Views by one method, as premultiplied RGBA in [0, 1]."""

    images: Float[Tensor, "n s s 4"]
    """From the cameras of the true views; a prior's at its own resolution."""
    front: Float[Tensor, "r r 4"] | None = None
    """From the input camera; None where the method has no single front."""
    around: Float[Tensor, "8 s s 4"] | None = None
    """From `around_cameras`; None where the method has no asset."""
    mesh: Mesh | None = None
    """The mesh behind the views, whose shape is scored too."""


@runtime_checkable
class LiftingPrior(Protocol):
    """A prior with an estimate of every view that takes no diffusion."""

    def lifted_view(self, camera: Camera) -> Float[Tensor, "4 h w"]:
        """The estimate, premultiplied RGBA in [0, 1]."""
        ...


def around_cameras() -> list[Camera]:
    """The cameras of the paper's CLIP similarity (`clip_sim` of kiui 0.3.5), whose images have 800 pixels, not 256.

    Eight at elevation 0, the first at the front.
    """
    return [Camera.orbit(45 * index, 0, VIEW_SIZE, radius=3.0, fovy_deg=50.0) for index in range(8)]


def baseline_views(
    subject: BenchmarkObject, cameras: Sequence[Camera], truth: Float[Tensor, "n s s 4"]
) -> dict[str, MethodViews]:
    """Views of all baselines."""
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
    """Views of the prior alone, if it has an estimate (`LiftingPrior`) or samples single RGBA views."""
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
    """Views of Gaussians; `front` is the input camera."""

    def draw(camera: Camera) -> Float[Tensor, "s s 4"]:
        render = rasterizer.render(gaussians, camera)
        return render.rgba.clamp(0, 1).cpu()

    return _all_views(draw, cameras, front)


def mesh_views(mesh: Mesh, cameras: Sequence[Camera], front: Camera) -> MethodViews:
    """Views of a textured mesh; `front` is the input camera."""
    scene = MeshScene(mesh.vertices, mesh.faces)

    def draw(camera: Camera) -> Float[Tensor, "s s 4"]:
        render = render_mesh(mesh, camera, scene=scene)
        return render.rgba

    return _all_views(draw, cameras, front, mesh)


@torch.no_grad()
def _all_views(
    draw: Callable[[Camera], Float[Tensor, "s s 4"]], cameras: Sequence[Camera], front: Camera, mesh: Mesh | None = None
) -> MethodViews:
    images, around = (torch.stack([draw(camera) for camera in views]) for views in (cameras, around_cameras()))
    return MethodViews(images, draw(front), around, mesh)
