"""The frame that a normal map is meant in."""

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn.functional import normalize

from dreamgaussian.core.mesh import Mesh
from dreamgaussian.core.normals import vertex_normals


def vertex_tangents(mesh: Mesh) -> Float[Tensor, "v 4"]:
    """Unit tangents along u, orthogonal to the vertices' normals, and the sign of the bitangent.

    As glTF has it: the bitangent, along -v (up in the image), is sign * cross(normal, tangent). Faces count by
    their angle at the vertex, as in MikkTSpace. Where texture coordinates say nothing, any orthogonal direction.
    Raises ValueError for a mesh without texture coordinates.
    """
    if mesh.uvs is None:
        raise ValueError("a mesh without texture coordinates has no tangents")
    normals = vertex_normals(mesh)
    corners, uvs = mesh.vertices[mesh.faces], mesh.uvs[mesh.faces]
    (e1, e2), (d1, d2) = ((ends[:, 1] - ends[:, 0], ends[:, 2] - ends[:, 0]) for ends in (corners, uvs))
    along_u = normalize(e1 * d2[:, 1:] - e2 * d1[:, 1:], dim=1)
    area = d1[:, 0] * d2[:, 1] - d2[:, 0] * d1[:, 1]  # in the image; its sign says whether the chart is mirrored
    along_u = along_u * area.sign()[:, None]
    tangents, signs = torch.zeros_like(mesh.vertices), mesh.vertices.new_zeros(len(mesh.vertices))
    for i in range(3):
        to_next = normalize(corners[:, (i + 1) % 3] - corners[:, i], dim=1)
        to_last = normalize(corners[:, (i + 2) % 3] - corners[:, i], dim=1)
        angle = (to_next * to_last).sum(dim=1).clamp(-1, 1).acos()
        tangents.index_add_(0, mesh.faces[:, i], along_u * angle[:, None])
        signs.index_add_(0, mesh.faces[:, i], -area.sign() * angle)  # v runs downwards
    tangents = tangents - (tangents * normals).sum(dim=1, keepdim=True) * normals
    lost = tangents.norm(dim=1) < 1e-6
    tangents[lost] = _orthogonal(normals[lost])
    return torch.cat([normalize(tangents, dim=1), torch.where(signs < 0, -1.0, 1.0)[:, None]], dim=1)


def _orthogonal(normals: Float[Tensor, "n 3"]) -> Float[Tensor, "n 3"]:
    """Some direction across each normal."""
    axis = torch.eye(3, dtype=normals.dtype, device=normals.device)[normals.abs().argmin(dim=1)]
    across = torch.linalg.cross(normals, axis, dim=1)
    return torch.where(across.norm(dim=1, keepdim=True) > 0, across, axis)
