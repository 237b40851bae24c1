"""Normals of faces and vertices, and areas."""

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn.functional import normalize

from dreamgaussian.core.mesh import Mesh


def face_normals(mesh: Mesh) -> Float[Tensor, "f 3"]:
    """Unit normals of the faces, outwards; zero for a face without area."""
    return normalize(_area_normals(mesh), dim=1)


def face_areas(mesh: Mesh) -> Float[Tensor, " f"]:
    """Areas of the faces."""
    return _area_normals(mesh).norm(dim=1) / 2


def vertex_normals(mesh: Mesh) -> Float[Tensor, "v 3"]:
    """Unit normals at the vertices: the adjacent faces' normals weighted by area; the same on both sides of a seam."""
    points, same = torch.unique(mesh.vertices, dim=0, return_inverse=True)
    summed = torch.zeros_like(points)
    summed.index_add_(0, same[mesh.faces].reshape(-1), _area_normals(mesh).repeat_interleave(3, dim=0))
    return normalize(summed, dim=1)[same]


def smooth_normals(mesh: Mesh, rounds: int) -> Float[Tensor, "v 3"]:
    """`vertex_normals` after some rounds of averaging with the neighbours': those of the surface without its bumps."""
    points, same = torch.unique(mesh.vertices, dim=0, return_inverse=True)
    corners = same[mesh.faces]
    starts, ends = corners.reshape(-1), corners.roll(1, dims=1).reshape(-1)
    normals = torch.zeros_like(points).index_copy(0, same, vertex_normals(mesh))
    for _ in range(rounds):
        around = normals.index_add(0, starts, normals[ends]).index_add(0, ends, normals[starts])
        normals = normalize(around, dim=1)
    return normals[same]


def _area_normals(mesh: Mesh) -> Float[Tensor, "f 3"]:
    a, b, c = mesh.vertices[mesh.faces].unbind(1)
    return torch.linalg.cross(b - a, c - a, dim=1)
