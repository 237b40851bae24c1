"""Which points of a surface a picture shows, and how well."""

from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor
from torch.nn.functional import normalize

from dreamgaussian.camera import Camera
from dreamgaussian.errors import InputError
from dreamgaussian.mesh.mesh import Mesh
from dreamgaussian.mesh.morphology import distance_to
from dreamgaussian.mesh.normals import face_normals, vertex_normals
from dreamgaussian.mesh.raster import Fragments, MeshScene, sample

OPAQUE = 0.9
"""A view's pixels below this alpha hold too much background."""
DEPTH_EDGE_PX = 16.0
"""A step in depth between neighbouring pixels that counts as an edge, in widths of a pixel at the origin."""
GRAZING = 0.05
"""Cosine of the flattest viewing angle at which a view says anything about a surface."""
LIFT = 2e-3
"""Rays for visibility start this far above the surface, world units."""


@dataclass(frozen=True, eq=False)
class Texels:
    """The `k` texels inside the atlas' charts, and where they lie on the surface."""

    fragments: Fragments
    """Of the atlas, seen as a picture."""
    positions: Float[Tensor, "k 3"]
    normals: Float[Tensor, "k 3"]
    """Smooth, unit length."""
    face_normals: Float[Tensor, "k 3"]


@dataclass(frozen=True, eq=False)
class Sight:
    """What a camera sees of the texels."""

    seen: Int[Tensor, " s"]
    """Which texels."""
    uvs: Float[Tensor, "s 2"]
    """Where in the picture, in [0, 1], v downwards."""
    weights: Float[Tensor, " s"]
    """How well, in (0, 1]: how squarely, and how far from silhouettes and depth edges."""


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
        normals=normalize(scene.interpolate(vertex_normals(mesh), fragments), dim=1),
        face_normals=face_normals(mesh)[fragments.face_ids],
    )


def look(
    texels: Texels, scene: MeshScene, camera: Camera, clearness: Float[Tensor, "h w"], cosine_power: float
) -> Sight:
    """The texels that the camera sees, with weight `clearness` x cosine^`cosine_power`."""
    to_camera = normalize(camera.position.float() - texels.positions, dim=1)
    cosines = (to_camera * texels.normals).sum(dim=1).minimum((to_camera * texels.face_normals).sum(dim=1))
    seen = torch.nonzero(cosines > GRAZING)[:, 0]
    uvs = camera.project(texels.positions[seen])[0] / torch.tensor([camera.width, camera.height])
    clear = sample(clearness[..., None], uvs)[:, 0]
    inside = (clear > 0) & ((uvs > 0) & (uvs < 1)).all(dim=1)
    seen, uvs, clear = seen[inside], uvs[inside], clear[inside]
    free = ~scene.occluded(texels.positions[seen] + LIFT * texels.face_normals[seen], to_camera[seen])
    return Sight(seen[free], uvs[free], clear[free] * cosines[seen[free]] ** cosine_power)


def clearness(
    scene: MeshScene, camera: Camera, feather: float, alpha: Float[Tensor, "h w"] | None = None
) -> Float[Tensor, "h w"]:
    """1 well inside the object's surfaces, falling to 0 at silhouettes, depth edges and where a picture is clear.

    `feather` is the width of the fall as a share of the picture's height.
    """
    depth = scene.rasterize(camera).depth.numpy()
    edge = DEPTH_EDGE_PX * camera.radius / camera.focal_px
    edges = ~np.isfinite(depth)
    if alpha is not None:
        edges |= alpha.numpy(force=True) < OPAQUE
    finite = np.where(np.isfinite(depth), depth, 1e3)
    down, right = np.abs(np.diff(finite, axis=0)) > edge, np.abs(np.diff(finite, axis=1)) > edge
    edges[1:] |= down
    edges[:-1] |= down
    edges[:, 1:] |= right
    edges[:, :-1] |= right
    distance = torch.from_numpy(distance_to(np.pad(edges, 1, constant_values=True))[1:-1, 1:-1]).float()
    return ((distance - 1) / (feather * camera.height)).clamp(0, 1)
