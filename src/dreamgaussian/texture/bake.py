"""Back-projection: pictures of the object onto the texels of its mesh.

Every texel is the mean of all views that see it, weighted by how squarely they do. A view fades out towards
silhouettes and depth edges, where a slight misfit of the surface would put the background on it, so that no view
begins or ends abruptly: there are no seams between views.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from dreamgaussian.camera import DEFAULT_FOVY_DEG, DEFAULT_RADIUS, Camera
from dreamgaussian.errors import InputError
from dreamgaussian.mesh.mesh import Mesh
from dreamgaussian.mesh.normals import face_normals, vertex_normals
from dreamgaussian.mesh.raster import Fragments, MeshScene, sample
from dreamgaussian.texture.fill import fill_unseen, pad
from dreamgaussian.texture.settings import BakeSettings

OPAQUE = 0.9
"""A view's pixels below this alpha hold too much background."""
DEPTH_EDGE = 0.03
"""A step in depth between neighbouring pixels, world units, that counts as an edge (plus what a slope would give)."""
LIFT = 2e-3
"""Rays for visibility start this far above the surface, world units."""


@dataclass(frozen=True, eq=False)
class BakeView:
    """A picture of the object, of the camera's size."""

    color: Float[Tensor, "h w 3"]
    """sRGB, premultiplied by alpha."""
    alpha: Float[Tensor, "h w"]
    camera: Camera
    strength: float = 1.0
    """Its weight relative to other views'."""


@dataclass(frozen=True, eq=False)
class Texels:
    """The texels inside the atlas' charts, and where they lie on the surface."""

    fragments: Fragments
    """Of the atlas, seen as a picture."""
    positions: Float[Tensor, "k 3"]
    normals: Float[Tensor, "k 3"]
    """Smooth, unit length."""
    face_normals: Float[Tensor, "k 3"]


def bake_cameras(size: int, radius: float = DEFAULT_RADIUS, fovy_deg: float = DEFAULT_FOVY_DEG) -> list[Camera]:
    """The paper's views: 8 azimuths at 3 elevations, the top and the bottom."""
    angles = [(azimuth, elevation) for elevation in (0, 45, -45) for azimuth in range(0, 360, 45)]
    angles += [(0, 90), (0, -90)]
    return [Camera.orbit(a, e, size, radius=radius, fovy_deg=fovy_deg) for a, e in angles]


def bake(mesh: Mesh, views: Iterable[BakeView], size: int, settings: BakeSettings = BakeSettings()) -> Mesh:
    """The mesh with an albedo of `size` x `size` texels from the views.

    Raises InputError if the mesh has no texture coordinates or no view sees it.
    """
    scene = MeshScene(mesh.vertices, mesh.faces)
    texels = locate_texels(mesh, scene, size)
    sums = torch.zeros(len(texels.positions), 3)
    weights = torch.zeros(len(texels.positions))
    for view in views:
        seen, weight, color = project(view, texels, scene, settings)
        sums.index_add_(0, seen, weight[:, None] * color)
        weights.index_add_(0, seen, weight)
    known = weights > 1e-3
    if not bool(known.any()):
        raise InputError("None of the views sees the mesh: there is nothing to make a texture of.")
    colors = sums / weights.clamp_min(1e-8)[:, None]
    colors = fill_unseen(colors, known, texels.positions, texels.normals)
    return replace(mesh, albedo=pad(colors, texels.fragments))


def locate_texels(mesh: Mesh, scene: MeshScene, size: int) -> Texels:
    """Where the texels' centres lie on the surface. Raises InputError if the mesh has no texture coordinates."""
    if mesh.uvs is None:
        raise InputError("The mesh has no texture coordinates: unwrap it first.")
    flat = MeshScene(torch.cat([mesh.uvs * size, torch.zeros(len(mesh.uvs), 1)], dim=1), mesh.faces)
    centres = torch.arange(size) + 0.5
    rows, columns = torch.meshgrid(centres, centres, indexing="ij")
    origins = torch.stack([columns, rows, torch.ones_like(rows)], dim=-1).view(-1, 3)
    down = torch.tensor([0.0, 0.0, -1.0]).expand_as(origins)
    fragments = Fragments(size, size, *flat.trace(origins, down))
    return Texels(
        fragments=fragments,
        positions=scene.interpolate(mesh.vertices, fragments),
        normals=torch.nn.functional.normalize(scene.interpolate(vertex_normals(mesh), fragments), dim=1),
        face_normals=face_normals(mesh)[fragments.face_ids],
    )


def project(
    view: BakeView, texels: Texels, scene: MeshScene, settings: BakeSettings
) -> tuple[Float[Tensor, " s"], Float[Tensor, " s"], Float[Tensor, "s 3"]]:
    """Indices of the texels that the view sees, its weights for them, and the colours that it gives them (straight)."""
    to_camera = torch.nn.functional.normalize(view.camera.position.float() - texels.positions, dim=1)
    cosines = (to_camera * texels.normals).sum(dim=1).minimum((to_camera * texels.face_normals).sum(dim=1))
    seen = torch.nonzero(cosines > 0.05)[:, 0]
    pixels, _ = view.camera.project(texels.positions[seen])
    uvs = pixels / torch.tensor([view.camera.width, view.camera.height])
    clear = _clearness(view, scene, settings.feather_px * view.camera.height / 512)
    values = sample(torch.cat([view.color, view.alpha[..., None], clear[..., None]], dim=-1), uvs)
    inside = ((uvs > 0) & (uvs < 1)).all(dim=1) & (values[:, 4] > 0)
    seen, values = seen[inside], values[inside]
    lifted = texels.positions[seen] + LIFT * texels.face_normals[seen]
    free = ~scene.occluded(lifted, to_camera[seen])
    seen, values = seen[free], values[free]
    weights = view.strength * values[:, 4] * cosines[seen] ** settings.cosine_power
    return seen, weights, (values[:, :3] / values[:, 3:4].clamp_min(1e-6)).clamp(0, 1)


def _clearness(view: BakeView, scene: MeshScene, feather_px: float) -> Float[Tensor, "h w"]:
    """1 well inside the object's surfaces, falling to 0 at silhouettes, depth edges and the picture's background."""
    from scipy.ndimage import distance_transform_edt

    depth = scene.rasterize(view.camera).depth.numpy()
    edges = ~np.isfinite(depth) | (view.alpha.numpy(force=True) < OPAQUE)
    for axis in (0, 1):
        step = np.abs(np.diff(np.nan_to_num(depth, posinf=1e3), axis=axis)) > DEPTH_EDGE
        before, after = [(0, 0), (0, 0)], [(0, 0), (0, 0)]
        before[axis], after[axis] = (1, 0), (0, 1)
        edges |= np.pad(step, before) | np.pad(step, after)
    distance = torch.from_numpy(distance_transform_edt(np.pad(~edges, 1))[1:-1, 1:-1]).float()
    return ((distance - 1) / feather_px).clamp(0, 1)
