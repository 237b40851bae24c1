"""What takes no prior to make: any method must beat these."""

from typing import cast

import numpy as np
import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float, Float64
from numpy.typing import NDArray
from scipy import ndimage
from torch import Tensor

from dreamgaussian.camera import Camera
from dreamgaussian.mesh.mesh import Mesh
from dreamgaussian.mesh.raster import MeshScene
from dreamgaussian.subject import bleed


def copied_view(input_view: Float[Tensor, "s s 4"], count: int) -> Float[Tensor, "n s s 4"]:
    """The input picture from everywhere."""
    return input_view.expand(count, -1, -1, -1)


def mean_view(views: Float[Tensor, "n s s 4"]) -> Float[Tensor, "n s s 4"]:
    """An oracle: the mean of the true views, which knows the object but not the angle."""
    return views.mean(dim=0).expand_as(views)


def billboard(input_view: Float[Tensor, "s s 4"], input_camera: Camera, camera: Camera) -> Float[Tensor, "s s 4"]:
    """The input picture as a flat card that stands at the origin, square to the input camera."""
    normal = input_camera.position / input_camera.radius
    origin, directions = camera.rays()
    distances = -(origin @ normal) / (directions @ normal)
    points = (origin + distances[..., None] * directions).reshape(-1, 3)
    seen = _look_up(input_view, input_camera, points).view(camera.height, camera.width, 4)
    return seen * (distances > 0)[..., None]


def inflated_mesh(input_view: Float[Tensor, "s s 4"], input_camera: Camera) -> Mesh:
    """The silhouette blown up like a balloon: its half-thickness is the square root of the solution of Poisson's
    equation with -4 at the right side and 0 at the outline, which makes a ball of a disc (as in Repoussé, Joshi and
    Carr 2008). Without texture.
    """
    inside = (input_view[..., 3] > 0.5).numpy()
    # One ring of pixels more, of no thickness, in which the front and the back meet.
    used = cast(NDArray[np.bool_], ndimage.binary_dilation(inside, np.ones((3, 3))))
    distance, count = input_camera.radius, int(used.sum())
    thickness = np.sqrt(_solve_poisson(inside))[used, None] * distance / input_camera.focal_px
    origin, directions = (tensor.numpy() for tensor in input_camera.rays())
    forward = -origin / distance
    rays = directions[used] / (directions[used] @ forward)[:, None]
    # The front bulges along the rays, so that its outline stays; the back is hidden by it, and bulges straight.
    front, back = origin + (distance - thickness) * rays, origin + distance * rays + thickness * forward
    index = np.full(used.shape, -1)
    index[used] = np.arange(count)
    faces = _grid_faces(index)
    return Mesh(
        torch.from_numpy(np.concatenate([front, back])).float(),
        torch.from_numpy(np.concatenate([faces, faces[:, ::-1] + count])),
    )


def inflated_view(
    mesh: Mesh, input_view: Float[Tensor, "s s 4"], input_camera: Camera, camera: Camera, supersampling: int = 2
) -> Float[Tensor, "s s 4"]:
    """The inflated mesh with the input picture projected through it, front and back."""
    scene = MeshScene(mesh.vertices, mesh.faces)
    fine = camera.resized((camera.width * supersampling, camera.height * supersampling))
    fragments = scene.rasterize(fine)
    alpha = input_view[..., 3:]
    straight = bleed((input_view[..., :3] / alpha.clamp(min=1e-6)).numpy(), alpha[..., 0].numpy())
    points = scene.interpolate(mesh.vertices, fragments).double()
    colors = _look_up(torch.from_numpy(straight), input_camera, points)
    return fragments.picture(torch.cat([colors, torch.ones_like(colors[:, :1])], dim=1), supersampling)


def _look_up(picture: Float[Tensor, "s s c"], camera: Camera, points: Float64[Tensor, "n 3"]) -> Float[Tensor, "n c"]:
    """Colours of the picture where `camera`, which took it, sees the points; nothing beside the frame."""
    pixels, _ = camera.project(points)
    grid = (pixels / torch.tensor([camera.width, camera.height]) * 2 - 1).to(picture)
    seen = F.grid_sample(picture.permute(2, 0, 1)[None], grid[None, None], padding_mode="zeros", align_corners=False)
    return seen[0, :, 0].T


def _solve_poisson(inside: Bool[np.ndarray, "h w"]) -> Float64[np.ndarray, "h w"]:
    """Pixels squared: the solution of laplace(u) = -4 inside, u = 0 outside."""
    from scipy.sparse import coo_array
    from scipy.sparse.linalg import spsolve

    padded = np.pad(inside, 1)
    index = np.full(padded.shape, -1)
    index[padded] = np.arange(padded.sum())
    own, rows, columns = index[padded], [index[padded]], [index[padded]]
    values = [np.full(len(own), 4.0)]
    for axis, step in ((0, 1), (0, -1), (1, 1), (1, -1)):
        neighbour = np.roll(index, step, axis)[padded]
        known = neighbour >= 0
        rows.append(own[known])
        columns.append(neighbour[known])
        values.append(np.full(known.sum(), -1.0))
    indices = (np.concatenate(rows), np.concatenate(columns))
    laplacian = coo_array((np.concatenate(values), indices), shape=(len(own), len(own))).tocsc()
    solution = np.zeros(inside.shape)
    solution[inside] = np.maximum(cast(np.ndarray, spsolve(laplacian, np.full(len(own), 4.0))), 0)
    return solution


def _grid_faces(index: np.ndarray) -> np.ndarray:
    """Two triangles for each square of four neighbouring pixels that all have a vertex, facing the input camera."""
    a, b, c, d = index[:-1, :-1], index[:-1, 1:], index[1:, :-1], index[1:, 1:]
    full = (a >= 0) & (b >= 0) & (c >= 0) & (d >= 0)
    a, b, c, d = a[full], b[full], c[full], d[full]
    return np.concatenate([np.stack([a, c, b], axis=1), np.stack([b, c, d], axis=1)])
