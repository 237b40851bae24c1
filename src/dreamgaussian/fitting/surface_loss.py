"""Losses that make the Gaussians one flat surface: those of 2DGS (arXiv 2403.17888), in the priors' own renders.

Notation:  w_i what a Gaussian contributes to a pixel, n_i its shortest axis, turned to the camera, N the normal of the
rendered depth map.
"""

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

from dreamgaussian.core.camera import Camera
from dreamgaussian.core.gaussians import Gaussians
from dreamgaussian.fitting.settings import SurfaceSettings
from dreamgaussian.raster import Render


def facing_normals(gaussians: Gaussians, camera: Camera) -> Float[Tensor, "n 3"]:
    """n_i, in the world: the extra channels that `surface_loss` needs in a render."""
    to_camera = camera.position.to(gaussians.means) - gaussians.means
    normals = shortest_axes(gaussians)
    return torch.where((normals * to_camera).sum(dim=-1, keepdim=True) < 0, -normals, normals)


def shortest_axes(gaussians: Gaussians) -> Float[Tensor, "n 3"]:
    """Unit vectors, in the world, along the shortest axis of each Gaussian, of either sign."""
    shortest = gaussians.log_scales.argmin(dim=-1)
    return gaussians.rotations.gather(2, shortest[:, None, None].expand(-1, 3, 1))[..., 0]


def surface_loss(
    gaussians: Gaussians, renders: list[Render], cameras: list[Camera], settings: SurfaceSettings, progress: float
) -> Float[Tensor, ""]:
    """The weighted sum of `normal_loss`, mean over the renders, and `flatness_loss`.

    The weights grow linearly from the settings' start to the last step.
    """
    ramp = settings.ramp(progress)
    if not ramp:
        return gaussians.means.new_zeros(())
    leaning = [normal_loss(render, camera) for render, camera in zip(renders, cameras, strict=True)]
    return ramp * (settings.normals * torch.stack(leaning).mean() + settings.flatness * flatness_loss(gaussians))


def flatness_loss(gaussians: Gaussians) -> Float[Tensor, ""]:
    """Mean ratio of the shortest axis to the middle one, which has no gradient; 1 for balls, 0 for discs."""
    shortest, middle, _ = gaussians.log_scales.sort(dim=-1).values.unbind(-1)
    return (shortest - middle.detach()).exp().mean()


def normal_loss(render: Render, camera: Camera) -> Float[Tensor, ""]:
    """Mean over the pixels of sum_i w_i (1 - n_i . N) (2DGS, equation 14).

    A pixel counts by the least alpha of its 3 x 3 neighbourhood, which `depth_normals` sees: outlines have no N.
    """
    normals = depth_normals(render.expected_depth, camera)
    alpha = render.alpha[1:-1, 1:-1]
    solid = -F.max_pool2d(-render.alpha.detach()[None], 3, stride=1)[0]
    disagreement = alpha - (render.extra[1:-1, 1:-1] * normals).sum(dim=-1)
    return (solid * disagreement).sum() / render.alpha.numel()


def depth_normals(depth: Float[Tensor, "h w"], camera: Camera) -> Float[Tensor, "i j 3"]:
    """Unit normals, in the world and towards the camera, of all pixels of a depth map but the outermost ones."""
    origin, directions = (tensor.to(depth) for tensor in camera.rays())
    forward = -camera.camera_from_world[2, :3].to(depth)
    points = origin + directions * (depth / (directions @ forward))[..., None]
    right = points[1:-1, 2:] - points[1:-1, :-2]
    down = points[2:, 1:-1] - points[:-2, 1:-1]
    return F.normalize(torch.linalg.cross(down, right), dim=-1)
