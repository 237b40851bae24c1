"""Normals of the detailed surface, kept in an image on the simplified one."""

from dataclasses import replace

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn.functional import normalize

from dreamgaussian.core.mesh import Mesh
from dreamgaussian.core.normals import vertex_normals
from dreamgaussian.core.tangents import vertex_tangents
from dreamgaussian.meshing.morphology import nearest_in
from dreamgaussian.meshing.unwrap import atlas_fragments
from dreamgaussian.raster.mesh import Fragments, MeshScene

REACH = 0.02
"""The detailed surface is looked for this far above and below the simplified one, world units."""


def bake_normals(mesh: Mesh, detailed: Mesh, size: int) -> Mesh:
    """The mesh with a normal map of `size` x `size` texels: the normals of the surface that it simplifies.

    The map is for the frame that glTF's tangents span (see tangents.py), interpolated and made unit length. Raises
    InputError if the mesh has no texture coordinates.
    """
    fragments = atlas_fragments(mesh, size)
    scene = MeshScene(mesh.vertices, mesh.faces)
    positions = scene.interpolate(mesh.vertices, fragments)
    normals = normalize(scene.interpolate(vertex_normals(mesh), fragments), dim=1)
    frames = _frames(scene, mesh, fragments, normals)
    found = _detailed_normals(detailed, positions, normals)
    local = normalize(torch.linalg.solve(frames, found[:, :, None])[:, :, 0], dim=1)
    inside = torch.zeros(size * size, dtype=torch.bool).index_fill(0, fragments.pixels, True).view(size, size)
    flat = torch.tensor([0.0, 0.0, 1.0]).repeat(size * size, 1).index_copy(0, fragments.pixels, local)
    rows, columns = torch.from_numpy(nearest_in(inside.numpy())).long()
    return replace(mesh, normal_map=flat.view(size, size, 3)[rows, columns])


def _frames(
    scene: MeshScene, mesh: Mesh, fragments: Fragments, normals: Float[Tensor, "k 3"]
) -> Float[Tensor, "k 3 3"]:
    """Tangent, bitangent and normal as columns."""
    tangents = scene.interpolate(vertex_tangents(mesh), fragments)
    along_u = normalize(tangents[:, :3], dim=1)
    up = torch.linalg.cross(normals, along_u, dim=1) * tangents[:, 3:].sign()
    return torch.stack([along_u, up, normals], dim=2)


def _detailed_normals(
    detailed: Mesh, positions: Float[Tensor, "k 3"], normals: Float[Tensor, "k 3"]
) -> Float[Tensor, "k 3"]:
    """Those of the detailed surface where it is near and faces the same way; elsewhere those given."""
    scene = MeshScene(detailed.vertices, detailed.faces)
    rays, face_ids, barycentrics, distances = scene.trace(positions + REACH * normals, -normals)
    corners = vertex_normals(detailed)[detailed.faces[face_ids]]
    found = normalize(torch.bmm(barycentrics[:, None, :], corners)[:, 0], dim=1)
    good = (distances < 2 * REACH) & ((found * normals[rays]).sum(dim=1) > 0)
    return normals.index_copy(0, rays[good], found[good])
