"""Back-projection: pictures of the object onto the texels of its mesh.

Every texel is the mean of all views that see it, weighted by how squarely they do. A view fades out towards
silhouettes and depth edges, where a slight misfit of the surface would put the background on it, so that no view
begins or ends abruptly: there are no seams between views.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace

import torch
from jaxtyping import Float
from torch import Tensor

from dreamgaussian.camera import DEFAULT_FOVY_DEG, DEFAULT_RADIUS, Camera
from dreamgaussian.errors import InputError
from dreamgaussian.mesh.mesh import Mesh
from dreamgaussian.mesh.raster import MeshScene, sample
from dreamgaussian.subject import Subject
from dreamgaussian.texture.fill import fill_unseen, nearest_texels
from dreamgaussian.texture.settings import BakeSettings
from dreamgaussian.texture.views import locate_texels, look, look_out


@dataclass(frozen=True, eq=False)
class BakeView:
    """A picture of the object, of the camera's size."""

    color: Float[Tensor, "h w 3"]
    """sRGB, premultiplied by alpha."""
    alpha: Float[Tensor, "h w"]
    camera: Camera
    strength: float = 1.0
    """Its weight relative to other views'."""


def bake_cameras(size: int, radius: float = DEFAULT_RADIUS, fovy_deg: float = DEFAULT_FOVY_DEG) -> list[Camera]:
    """The paper's views: 8 azimuths at 3 elevations, the top and the bottom."""
    angles = [(azimuth, elevation) for elevation in (0, 45, -45) for azimuth in range(0, 360, 45)]
    angles += [(0, 90), (0, -90)]
    return [Camera.orbit(a, e, size, radius=radius, fovy_deg=fovy_deg) for a, e in angles]


def input_views(subject: Subject, settings: BakeSettings) -> list[BakeView]:
    """The input pictures, which outweigh the others."""
    return [
        BakeView(rgb * alpha, alpha[..., 0], view.camera, settings.input_strength)
        for view in subject.views
        for rgb, alpha in [view.picture.split([3, 1], dim=-1)]
    ]


@torch.no_grad()
def bake(mesh: Mesh, views: Iterable[BakeView], size: int, settings: BakeSettings = BakeSettings()) -> Mesh:
    """The mesh with an albedo of `size` x `size` texels from the views.

    Raises InputError if the mesh has no texture coordinates or no view sees it.
    """
    scene = MeshScene(mesh.vertices, mesh.faces)
    texels = locate_texels(mesh, scene, size)
    sums = torch.zeros(len(texels.positions), 3)
    weights = torch.zeros(len(texels.positions))
    for view in views:
        sight = look(texels, look_out(scene, view.camera, settings.feather, view.alpha), settings.cosine_power)
        premultiplied = sample(torch.cat([view.color, view.alpha[..., None]], dim=-1).to(sums), sight.uvs)
        straight = (premultiplied[:, :3] / premultiplied[:, 3:].clamp_min(1e-6)).clamp(0, 1)
        sums.index_add_(0, sight.seen, view.strength * sight.weights[:, None] * straight)
        weights.index_add_(0, sight.seen, view.strength * sight.weights)
    if not bool((weights > 0).any()):
        raise InputError("None of the views sees the mesh: there is nothing to make a texture of.")
    colors = sums / weights.clamp_min(1e-12)[:, None]
    colors = fill_unseen(mesh, scene, texels.fragments, colors, weights)
    return replace(mesh, albedo=colors[nearest_texels(texels.fragments)])
