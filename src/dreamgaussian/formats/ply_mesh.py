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
from dreamgaussian.formats.join import within
from dreamgaussian.formats.textures import image_bytes

FACE = np.dtype([("count", "u1"), ("corners", "<i4", 3)])


def write_ply_mesh(mesh: Mesh, path: Path) -> list[Path]:
    """Write `name.ply` and, where the mesh has a texture, `name_albedo.png`; the files written.

    Colours are the texture's at the vertices, for programs that show no textures in .ply files. The texture is named
    by the comment `TextureFile`, as MeshLab does. Raises ConfigError where the folder cannot be written.
    """
    names, columns = ["x", "y", "z", "nx", "ny", "nz"], [mesh.vertices, vertex_normals(mesh)]
    comments, files = list[str](), list[Path]()
    colors = None
    if mesh.uvs is not None and mesh.albedo is not None:
        texture = path.with_name(f"{path.stem}_albedo.png")
        with atomic_path(texture) as temporary:
            temporary.write_bytes(image_bytes(mesh.albedo))
        names += ["s", "t"]
        columns += [torch.stack([mesh.uvs[:, 0], 1 - mesh.uvs[:, 1]], dim=1)]  # t upwards from the last row
        comments, files = [f"comment TextureFile {texture.name}"], [texture]
        colors = to_uint8(_sampled(mesh.albedo, within(mesh.uvs)))
    fields = [(name, "<f4") for name in names]
    fields += [(name, "u1") for name in ("red", "green", "blue")] if colors is not None else []
    vertices = np.zeros(len(mesh.vertices), fields)
    for name, column in zip(names, torch.cat(columns, dim=1).numpy(force=True).T, strict=True):
        vertices[name] = column
    if colors is not None:
        for name, column in zip(("red", "green", "blue"), colors.T, strict=True):
            vertices[name] = column
    faces = np.zeros(len(mesh.faces), FACE)
    faces["count"], faces["corners"] = 3, mesh.faces.numpy(force=True)
    kinds = {"<f4": "float", "u1": "uchar"}
    header = ["ply", "format binary_little_endian 1.0", *comments, f"element vertex {len(vertices)}"]
    header += [f"property {kinds[kind]} {name}" for name, kind in fields]
    header += [f"element face {len(faces)}", "property list uchar int vertex_indices", "end_header\n"]
    with atomic_path(path) as temporary:
        temporary.write_bytes("\n".join(header).encode("utf-8") + vertices.tobytes() + faces.tobytes())
    return [path, *files]


def _sampled(image: Float[Tensor, "h w 3"], uvs: Float[Tensor, "v 2"]) -> Float[Tensor, "v 3"]:
    """The image's colours at texture coordinates, between pixels as a mean of the nearest four."""
    sampled = torch.nn.functional.grid_sample(
        image.permute(2, 0, 1)[None], (2 * uvs - 1)[None, None], padding_mode="border", align_corners=False
    )
    return sampled[0, :, 0].T
