"""Baselines that need no prior: any method should beat them."""

import numpy as np
import torch
import torch.nn.functional as F
from jaxtyping import Float, Float64
from torch import Tensor

from dreamgaussian.core.camera import Camera
from dreamgaussian.core.image import unpremultiply
from dreamgaussian.core.mesh import Mesh
from dreamgaussian.inputs.subject import extend_colors
from dreamgaussian.meshing.inflate import half_thickness, two_sheets
from dreamgaussian.raster.mesh import MeshScene


def copied_view(input_view: Float[Tensor, "s s 4"], count: int) -> Float[Tensor, "n s s 4"]:
    """The input image, whatever the camera."""
    return input_view.expand(count, -1, -1, -1)


def mean_view(views: Float[Tensor, "n s s 4"]) -> Float[Tensor, "n s s 4"]:
    """An oracle: the mean of the true views, whatever the camera."""
    return views.mean(dim=0).expand_as(views)


def billboard(input_view: Float[Tensor, "s s 4"], input_camera: Camera, camera: Camera) -> Float[Tensor, "s s 4"]:
    """The view of the input image as a flat card through the origin, facing the input camera; premultiplied RGBA."""
    normal = input_camera.position / input_camera.radius
    origin, directions = camera.rays()
    distances = -(origin @ normal) / (directions @ normal)
    points = (origin + distances[..., None] * directions).reshape(-1, 3)
    seen = _look_up(input_view, input_camera, points).view(camera.height, camera.width, 4)
    return seen * (distances > 0)[..., None]


def inflated_mesh(input_view: Float[Tensor, "s s 4"], input_camera: Camera) -> Mesh:
    """The input silhouette inflated like a balloon (`meshing/inflate.py`), without a texture."""
    inside = (input_view[..., 3] > 0.5).numpy()
    used, faces = two_sheets(inside)
    distance = input_camera.radius
    thickness = half_thickness(inside)[used, None] * distance / input_camera.focal_px
    origin, directions = (tensor.numpy() for tensor in input_camera.rays())
    forward = -origin / distance
    rays = directions[used] / (directions[used] @ forward)[:, None]
    # The front bulges along the rays, so that its outline stays; the back is hidden by it, and bulges straight.
    front, back = origin + (distance - thickness) * rays, origin + distance * rays + thickness * forward
    return Mesh(torch.from_numpy(np.concatenate([front, back])).float(), torch.from_numpy(faces))


def inflated_view(
    mesh: Mesh, input_view: Float[Tensor, "s s 4"], input_camera: Camera, camera: Camera, supersampling: int = 2
) -> Float[Tensor, "s s 4"]:
    """The view of the inflated mesh with the input image projected through it, front and back; premultiplied RGBA."""
    scene = MeshScene(mesh.vertices, mesh.faces)
    fine = camera.resized((camera.width * supersampling, camera.height * supersampling))
    fragments = scene.rasterize(fine)
    straight = unpremultiply(input_view).numpy()
    straight = extend_colors(straight[..., :3], straight[..., 3])
    points = scene.interpolate(mesh.vertices, fragments).double()
    colors = _look_up(torch.from_numpy(straight), input_camera, points)
    return fragments.image(torch.cat([colors, torch.ones_like(colors[:, :1])], dim=1), supersampling)


def _look_up(image: Float[Tensor, "s s c"], camera: Camera, points: Float64[Tensor, "n 3"]) -> Float[Tensor, "n c"]:
    """Colours of the image where its camera sees the points; zero outside the frame."""
    pixels, _ = camera.project(points)
    grid = (pixels / torch.tensor([camera.width, camera.height]) * 2 - 1).to(image)
    seen = F.grid_sample(image.permute(2, 0, 1)[None], grid[None, None], padding_mode="zeros", align_corners=False)
    return seen[0, :, 0].T
