"""Meshes as .ply: positions, normals, colours and texture coordinates of the vertices, and the texture beside it."""

from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from dreamgaussian.core.files import atomic_path
from dreamgaussian.core.image import to_uint8
from dreamgaussian.core.mesh import Mesh
from dreamgaussian.core.normals import vertex_normals
from dreamgaussian.formats.join import wrapped
from dreamgaussian.formats.ply_header import read_header
from dreamgaussian.formats.textures import image_bytes
from dreamgaussian.formats.trimesh_reader import read_by_trimesh

FACE = np.dtype([("count", "u1"), ("corners", "<i4", 3)])
"""13 bytes, as the header's `property list uchar int` says: how many corners follow, then these."""
TYPES = {"<f4": "float", "u1": "uchar"}
"""The header's word for a field's type."""
RGB = ("red", "green", "blue")


def read(path: Path) -> Mesh:
    """Read the triangles, with the texture that the comment `TextureFile` names."""
    read_header(path)  # finds out a header that lies before memory is asked for
    return read_by_trimesh(path)


def write(mesh: Mesh, path: Path) -> None:
    """Write `name.ply` and, where the mesh has a texture, `name_albedo.png`.

    Colours are the texture's at the vertices, for programs that show no textures in .ply files. The texture is named
    by the comment `TextureFile`, as MeshLab does.
    """
    names, columns = ["x", "y", "z", "nx", "ny", "nz"], [mesh.vertices, vertex_normals(mesh)]
    comments, colors = list[str](), None
    if mesh.uvs is not None and mesh.albedo is not None:
        texture = path.with_name(f"{path.stem}_albedo.png")
        with atomic_path(texture) as temporary:
            temporary.write_bytes(image_bytes(mesh.albedo))
        names += ["s", "t"]
        columns += [torch.stack([mesh.uvs[:, 0], 1 - mesh.uvs[:, 1]], dim=1)]  # t upwards from the last row
        comments = [f"comment TextureFile {texture.name}"]
        colors = to_uint8(_sampled(mesh.albedo, wrapped(mesh.uvs)))
    fields = [(name, "<f4") for name in names] + [(name, "u1") for name in RGB if colors is not None]
    vertices = np.zeros(len(mesh.vertices), fields)  # a row is packed: 6 or 8 float32, then 3 bytes of colour
    for name, column in zip(names, torch.cat(columns, dim=1).numpy(force=True).T, strict=True):
        vertices[name] = column
    if colors is not None:
        for name, column in zip(RGB, colors.T, strict=True):
            vertices[name] = column
    faces = np.zeros(len(mesh.faces), FACE)
    faces["count"], faces["corners"] = 3, mesh.faces.numpy(force=True)
    header = ["ply", "format binary_little_endian 1.0", *comments, f"element vertex {len(vertices)}"]
    header += [f"property {TYPES[kind]} {name}" for name, kind in fields]
    header += [f"element face {len(faces)}", "property list uchar int vertex_indices", "end_header\n"]
    with atomic_path(path) as temporary:
        temporary.write_bytes("\n".join(header).encode("utf-8") + vertices.tobytes() + faces.tobytes())


def _sampled(image: Float[Tensor, "h w 3"], uvs: Float[Tensor, "v 2"]) -> Float[Tensor, "v 3"]:
    """The image's colours at texture coordinates, between pixels as a mean of the nearest four."""
    sampled = torch.nn.functional.grid_sample(
        image.permute(2, 0, 1)[None], (2 * uvs - 1)[None, None], padding_mode="border", align_corners=False
    )
    return sampled[0, :, 0].T
