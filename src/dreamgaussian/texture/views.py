"""Which points of a surface an image shows, and how well."""

from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor
from torch.nn.functional import normalize

from dreamgaussian.core.camera import Camera
from dreamgaussian.core.mesh import Mesh
from dreamgaussian.core.normals import face_normals, smooth_normals
from dreamgaussian.meshing.morphology import distance_to
from dreamgaussian.meshing.unwrap import atlas_fragments
from dreamgaussian.raster.mesh import Fragments, MeshScene, sample

OPAQUE = 0.9
"""A view's pixels below this alpha hold too much background."""
DEPTH_EDGE_PX = 16.0
"""A step in depth between neighbouring pixels that counts as an edge, in widths of a pixel at the origin."""
GRAZING = 0.05
"""Cosine of the flattest viewing angle at which a view says anything about a surface."""
FACING_AWAY = -0.5
"""Cosine of the angle at which a face, however bumpy its surroundings, counts as turned away."""
BUMP = 0.015
"""What lies less far behind the surface that a camera sees, in world units, counts as seen: a bump hides nothing."""
NORMAL_BLUR = 6
"""Rounds of averaging over neighbours that take the bumps off the normals by which views are weighted."""


@dataclass(frozen=True, eq=False)
class Texels:
    """The `k` texels inside the atlas' charts, and where they lie on the surface."""

    fragments: Fragments
    """Of the atlas, seen as an image."""
    positions: Float[Tensor, "k 3"]
    normals: Float[Tensor, "k 3"]
    """Those of the surface without its bumps, unit length."""
    face_normals: Float[Tensor, "k 3"]


@dataclass(frozen=True, eq=False)
class Sight:
    """What a camera sees of the texels."""

    seen: Int[Tensor, " s"]
    """Which texels."""
    uvs: Float[Tensor, "s 2"]
    """Where in the image, in [0, 1], v downwards."""
    weights: Float[Tensor, " s"]
    """How well, in (0, 1]: how squarely, and how far from silhouettes and depth edges."""


def locate_texels(mesh: Mesh, scene: MeshScene, size: int) -> Texels:
    """Where the texels' centres lie on the surface. Raises InputError if the mesh has no texture coordinates."""
    fragments = atlas_fragments(mesh, size)
    return Texels(
        fragments=fragments,
        positions=scene.interpolate(mesh.vertices, fragments),
        normals=normalize(scene.interpolate(smooth_normals(mesh, NORMAL_BLUR), fragments), dim=1),
        face_normals=face_normals(mesh)[fragments.face_ids],
    )


@dataclass(frozen=True, eq=False)
class Outlook:
    """What a camera sees of the surface, and where it can be relied on."""

    camera: Camera
    depth: Float[Tensor, "h w"]
    """Along the viewing axis; infinite where nothing is seen."""
    clearness: Float[Tensor, "h w"]
    """1 well inside the object's surfaces, falling to 0 at silhouettes, depth edges and where an image is clear."""


def look(texels: Texels, outlook: Outlook, cosine_power: float) -> Sight:
    """The texels that the camera sees, with weight clearness x cosine^`cosine_power`."""
    camera = outlook.camera
    to_camera = normalize(camera.position.float() - texels.positions, dim=1)
    cosines = (to_camera * texels.normals).sum(dim=1)
    turned_away = (to_camera * texels.face_normals).sum(dim=1) < FACING_AWAY
    seen = torch.nonzero((cosines > GRAZING) & ~turned_away)[:, 0]
    pixels, depths = camera.project(texels.positions[seen])
    uvs = pixels / torch.tensor([camera.width, camera.height])
    columns, rows = (pixels[:, i].long().clamp(0, side - 1) for i, side in ((0, camera.width), (1, camera.height)))
    slack = BUMP + depths / camera.focal_px / cosines[seen]
    clear = sample(outlook.clearness[..., None], uvs)[:, 0]
    good = (clear > 0) & ((uvs > 0) & (uvs < 1)).all(dim=1) & (depths < outlook.depth[rows, columns] + slack)
    seen = seen[good]
    return Sight(seen, uvs[good], clear[good] * cosines[seen] ** cosine_power)


def look_out(
    scene: MeshScene,
    camera: Camera,
    feather: float,
    alpha: Float[Tensor, "h w"] | None = None,
    *,
    is_truth: bool = False,
) -> Outlook:
    """The camera's outlook on the surface and, where its `alpha` is given, on an image that it took.

    `feather` is the width over which the clearness falls, as a share of the image's height. An image that `is_truth`
    is relied on across depth edges: whatever the camera sees there has the image's colour.
    """
    seen = scene.rasterize(camera).depth
    depth = seen.numpy()
    edge = DEPTH_EDGE_PX * camera.radius / camera.focal_px
    edges = ~np.isfinite(depth)
    if alpha is not None:
        edges |= alpha.numpy(force=True) < OPAQUE
    finite = np.where(np.isfinite(depth), depth, 1e3)
    if not is_truth:
        down, right = np.abs(np.diff(finite, axis=0)) > edge, np.abs(np.diff(finite, axis=1)) > edge
        edges[1:] |= down
        edges[:-1] |= down
        edges[:, 1:] |= right
        edges[:, :-1] |= right
    distance = torch.from_numpy(distance_to(np.pad(edges, 1, constant_values=True))[1:-1, 1:-1]).float()
    return Outlook(camera, seen, ((distance - 1) / (feather * camera.height)).clamp(0, 1))
