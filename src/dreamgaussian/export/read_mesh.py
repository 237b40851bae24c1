"""Meshes from .obj, .ply and .stl files, through trimesh."""

import warnings
from pathlib import Path
from typing import Any

import numpy as np
import torch

from dreamgaussian.errors import InputError
from dreamgaussian.export.checks import checked_mesh, file_bytes
from dreamgaussian.export.join import join
from dreamgaussian.export.pictures import picture_from
from dreamgaussian.export.ply_header import read_header
from dreamgaussian.mesh.mesh import Mesh


def read_mesh(path: Path) -> Mesh:
    """Read the triangles, with texture coordinates and texture where there are any.

    Polygons are cut into triangles; colours of vertices are left out. Raises `InputError` for what is not a whole file
    of finite triangles.
    """
    import trimesh

    if path.suffix.lower() == ".ply":
        read_header(path)  # finds out a header that lies before memory is asked for
    elif not file_bytes(path):
        raise InputError(f"{path} is empty. Export it again.")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            scene = trimesh.load_scene(path, process=False)
            meshes = [_mesh(each) for each in scene.dump() if isinstance(each, trimesh.Trimesh) and len(each.faces)]
    except Exception as error:  # a parser of broken files may fail in any way
        reason = " ".join(str(error).split())[:100]
        raise InputError(f"{path} cannot be read as a mesh ({reason or type(error).__name__}).") from error
    if not meshes:
        raise InputError(f"{path} holds no triangles. Export it again.")
    return checked_mesh(join(meshes), path)


def _mesh(solid: Any) -> Mesh:
    """A trimesh as ours; the corners of an .stl, which has them for each triangle apart, are put together."""
    if solid.visual.kind is None and len(solid.vertices) == 3 * len(solid.faces):
        solid.merge_vertices()
    mesh = Mesh(
        torch.from_numpy(np.array(solid.vertices, np.float32)), torch.from_numpy(np.array(solid.faces, np.int64))
    )
    uvs = getattr(solid.visual, "uv", None)
    if uvs is None:
        return mesh
    material = solid.visual.material
    image = getattr(material, "baseColorTexture", None) or getattr(material, "image", None)
    upwards = torch.from_numpy(np.array(uvs, np.float32))  # trimesh counts v from the last row
    return Mesh(
        mesh.vertices,
        mesh.faces,
        torch.stack([upwards[:, 0], 1 - upwards[:, 1]], dim=1),
        None if image is None else picture_from(image),
    )
