"""Which texels of a surface an image shows, and how well."""

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
"""A view's pixels below this alpha are mixed with the background by a tenth and more: their colours are not used."""
DEPTH_EDGE_PX = 16.0
"""A step in depth between neighbouring pixels that counts as an edge, in widths of a pixel at the origin: on a surface
the step is the tangent of its angle to the view, so that no surface turned by less than 86 degrees has an edge."""
MIN_COSINE = 0.05
"""Cosine of the flattest viewing angle, 87 degrees, at which a texel counts as visible: beyond it a pixel is
stretched over more than 20 times its width."""
FACING_AWAY = -0.5
"""Cosine below which a face counts as turned away whatever its smoothed normal says: 30 degrees and more past edge-on,
which the bumps that smoothing takes off do not reach."""
BUMP = 0.015
"""What lies less far behind the visible surface, in world units, is visible too: about a cell of the density field's
grid, the size of its bumps, which must not hide what is behind them."""
NORMAL_BLUR = 6
"""Rounds of averaging over neighbours that take the bumps off the normals by which views are weighted: at 20,000 faces
some three cells of the density field's grid."""


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
class VisibleTexels:
    """The texels that a camera sees."""

    indices: Int[Tensor, " s"]
    """Into `Texels`."""
    uvs: Float[Tensor, "s 2"]
    """Positions in the image, in [0, 1], v downwards."""
    weights: Float[Tensor, " s"]
    """Confidence times a power of the viewing angle's cosine, in (0, 1]."""


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
class ViewVisibility:
    """The surface that a camera sees, and how far each pixel of an image taken by it can be relied on."""

    camera: Camera
    depth: Float[Tensor, "h w"]
    """Along the viewing axis; infinite where no surface is seen."""
    confidence: Float[Tensor, "h w"]
    """1 well inside a surface, falling to 0 at silhouettes, depth edges and where the image is transparent."""


def visible_texels(texels: Texels, visibility: ViewVisibility, cosine_power: float) -> VisibleTexels:
    """The texels that the camera sees, with weights confidence x cosine^`cosine_power`."""
    camera = visibility.camera
    to_camera = normalize(camera.position.float() - texels.positions, dim=1)
    cosines = (to_camera * texels.normals).sum(dim=1)
    turned_away = (to_camera * texels.face_normals).sum(dim=1) < FACING_AWAY
    facing = torch.nonzero((cosines > MIN_COSINE) & ~turned_away)[:, 0]
    pixels, depths = camera.project(texels.positions[facing])
    uvs = pixels / torch.tensor([camera.width, camera.height])
    columns, rows = (pixels[:, i].long().clamp(0, side - 1) for i, side in ((0, camera.width), (1, camera.height)))
    tolerance = BUMP + depths / camera.focal_px / cosines[facing]  # and how much the depth varies within a pixel
    confidence = sample(visibility.confidence[..., None], uvs)[:, 0]
    in_front = depths < visibility.depth[rows, columns] + tolerance
    visible = (confidence > 0) & ((uvs > 0) & (uvs < 1)).all(dim=1) & in_front
    indices = facing[visible]
    return VisibleTexels(indices, uvs[visible], confidence[visible] * cosines[indices] ** cosine_power)


def view_visibility(
    scene: MeshScene,
    camera: Camera,
    feather: float,
    alpha: Float[Tensor, "h w"] | None = None,
    *,
    is_truth: bool = False,
) -> ViewVisibility:
    """What a camera sees of the surface, and the confidence in an image that it took.

    Args:
        scene: the surface.
        camera: of the image's size.
        feather: width over which the confidence falls to 0, as a share of the image's height.
        alpha: the image's alpha, of the camera's size; none: the image covers what the surface does.
        is_truth: the image is relied on across depth edges: what the camera sees there has the image's colour. A
            rendered view's depth edges lie where the Gaussians' do, which is not quite where the mesh's do.
    """
    visible_depth = scene.rasterize(camera).depth
    depth = visible_depth.numpy()
    edge = DEPTH_EDGE_PX * camera.radius / camera.focal_px
    edges = ~np.isfinite(depth)
    if alpha is not None:
        edges |= alpha.numpy(force=True) < OPAQUE
    finite = np.where(np.isfinite(depth), depth, 1e3)  # the background lies behind everything
    if not is_truth:
        down, right = np.abs(np.diff(finite, axis=0)) > edge, np.abs(np.diff(finite, axis=1)) > edge
        edges[1:] |= down
        edges[:-1] |= down
        edges[:, 1:] |= right
        edges[:, :-1] |= right
    # The frame's border is an edge as well; pixels beside an edge have confidence 0, hence distance - 1.
    distance = torch.from_numpy(distance_to(np.pad(edges, 1, constant_values=True))[1:-1, 1:-1]).float()
    return ViewVisibility(camera, visible_depth, ((distance - 1) / (feather * camera.height)).clamp(0, 1))
