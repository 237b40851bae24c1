"""From marching cubes' raw surface to one that a person can use."""

from dataclasses import replace

import numpy as np
import torch
from jaxtyping import Float
from numpy.typing import NDArray
from torch import Tensor

from dreamgaussian.core.errors import EmptyResult
from dreamgaussian.core.mesh import Mesh
from dreamgaussian.meshing.field import DensityField
from dreamgaussian.meshing.manifold import without_fins
from dreamgaussian.meshing.morphology import distance_to, label
from dreamgaussian.meshing.settings import MeshSettings

SMALLEST_BALL = 3
"""Radius, in cells, of the first ball with which cavities are looked for."""


def close_cavities(field: DensityField, level: float, opening: int) -> DensityField:
    """The field with its cavities filled: what a ball of radius `opening` cells, rolled from outside, cannot enter.

    Gaussians cover the surface only; where they leave gaps, the surface would turn inside and run back along the
    shell's inner side. Gaps between parts, too narrow for the ball, are left open: only a cavity that has room for
    the ball is filled. Smaller balls go first, for cavities in which the last one has no room.
    """
    margin = opening + 2  # room for the ball outside the grid, and a cell more on either side
    solid = np.pad(field.density.numpy(force=True) >= level, margin)
    filled = np.zeros_like(solid)
    clearance = distance_to(solid)
    for radius in range(min(SMALLEST_BALL, opening), opening + 1):
        cavities = _cavities(clearance, radius)
        if cavities.any():
            filled |= cavities
            clearance = distance_to(solid | filled)
    inner = torch.from_numpy(filled[(slice(margin, -margin),) * 3]).to(field.density.device)
    return replace(field, density=torch.where(inner, field.density.clamp_min(2 * level), field.density))


def _cavities(clearance: NDArray[np.float64], radius: int) -> NDArray[np.bool_]:
    """What a ball rolled from the grid's corner cannot enter, where there is room for it; `clearance` in cells."""
    centres = clearance > radius
    rooms, _ = label(centres)
    outside = rooms == rooms[0, 0, 0]
    enclosed = centres & ~outside
    if not enclosed.any():
        return enclosed
    pieces, count = label((clearance > 0) & (distance_to(outside) > radius))
    is_cavity = np.zeros(count + 1, dtype=bool)
    is_cavity[pieces[enclosed]] = True
    is_cavity[0] = False
    return is_cavity[pieces]


def clean(mesh: Mesh, settings: MeshSettings = MeshSettings()) -> Mesh:
    """Drop floaters and internal shells, and smooth."""
    return smooth(keep_solids(mesh, settings.min_component), settings.smoothing_steps)


def keep_solids(mesh: Mesh, min_share: float) -> Mesh:
    """The mesh without pieces that enclose less than `min_share` of the largest one's volume.

    A closed surface round a cavity encloses a negative volume: internal shells, which nobody sees, go as well.
    Raises EmptyResult if the mesh has no faces.
    """
    if mesh.faces.shape[0] == 0:
        raise EmptyResult("The mesh has no faces.")
    labels = torch.from_numpy(_components(mesh.faces.numpy(force=True)))
    volumes = torch.zeros(int(labels.max()) + 1, dtype=torch.float64).index_add_(0, labels, signed_volumes(mesh))
    if volumes.max() <= 0:
        raise EmptyResult("The mesh encloses no volume: its faces are open or turned inside out.")
    kept = (volumes >= min_share * volumes.max())[labels]
    return compact(Mesh(mesh.vertices, mesh.faces[kept]))


def signed_volumes(mesh: Mesh) -> Float[Tensor, " f"]:
    """Volumes of the tetrahedra between the faces and the origin, float64; their sum is a closed mesh's volume."""
    a, b, c = mesh.vertices.double()[mesh.faces].unbind(1)
    return (a * torch.linalg.cross(b, c)).sum(dim=1) / 6


def _components(faces: NDArray[np.int64]) -> NDArray[np.int64]:
    """Labels of the connected pieces to which faces belong."""
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    count = int(faces.max()) + 1
    edges = np.concatenate([faces[:, :2], faces[:, 1:]])
    graph = coo_array((np.ones(len(edges), dtype=bool), (edges[:, 0], edges[:, 1])), shape=(count, count))
    labels = connected_components(graph, directed=False)[1]
    return np.unique(labels[faces[:, 0]], return_inverse=True)[1]


def compact(mesh: Mesh) -> Mesh:
    """The mesh without unused vertices; without atlas."""
    used, faces = torch.unique(mesh.faces, return_inverse=True)
    return Mesh(mesh.vertices[used], faces)


def smooth(mesh: Mesh, steps: int) -> Mesh:
    """Taubin smoothing (SIGGRAPH 1995), with trimesh's lambda and mu: removes steps and noise and hardly shrinks.

    A step is one round of shrinking and one of inflating.
    """
    import trimesh

    if steps == 0:
        return mesh
    surface = trimesh.Trimesh(mesh.vertices.numpy(force=True), mesh.faces.numpy(force=True), process=False)
    trimesh.smoothing.filter_taubin(surface, lamb=0.5, nu=0.53, iterations=2 * steps)
    return Mesh(torch.from_numpy(np.asarray(surface.vertices, dtype=np.float32)), mesh.faces)


def decimate(mesh: Mesh, faces: int) -> Mesh:
    """Quadric edge collapse down to about `faces` triangles; a mesh that has no more is returned as it is."""
    import fast_simplification

    if mesh.faces.shape[0] <= faces:
        return mesh
    simplified = fast_simplification.simplify(
        mesh.vertices.numpy(force=True), mesh.faces.numpy(force=True).astype(np.int32), target_count=faces
    )
    vertices, triangles = simplified[0], simplified[1]
    triangles = torch.from_numpy(without_fins(np.asarray(triangles, dtype=np.int64)))
    return compact(Mesh(torch.from_numpy(np.asarray(vertices, dtype=np.float32)), triangles))
