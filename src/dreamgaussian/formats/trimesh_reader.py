"""Meshes from .obj, .ply and .stl files, through trimesh."""

import io
import logging
import warnings
from pathlib import Path
from typing import Any, cast

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from dreamgaussian.core.errors import InputError
from dreamgaussian.core.mesh import Mesh
from dreamgaussian.formats.join import join
from dreamgaussian.formats.textures import image_from

logger = logging.getLogger(__name__)

NO_COLOR = {(255, 255, 255), (102, 102, 102)}
"""White changes nothing; the grey is what trimesh gives to what has no material."""


def read_by_trimesh(path: Path) -> Mesh:
    """Read the triangles, with texture coordinates and texture where there are any.

    Polygons are cut into triangles, a material's colour becomes an image, colours of vertices are left out. What the
    file names and is not beside it is left out with a warning. Raises what trimesh does for a broken file.
    """
    import trimesh

    if path.stat().st_size == 0:
        raise InputError(f"{path} is empty. Export it again.")
    beside = _FilesBeside(path)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        scene = trimesh.load_scene(path, process=False, resolver=cast(Any, beside))
        solids = [solid for solid in scene.dump() if isinstance(solid, trimesh.Trimesh) and len(solid.faces)]
        mesh = join([_mesh(solid, images=beside.has_images) for solid in solids])
    for name in beside.lost:
        logger.warning("%s names %s, which is not there or broken: it is read without.", path, name)
    return mesh


class _FilesBeside:
    """Gives trimesh the files that a file names, and keeps in mind which it lacks: trimesh goes on without."""

    def __init__(self, path: Path) -> None:
        self.folder = path.parent
        self.lost: list[str] = []
        self.has_images = False

    def get(self, name: str) -> bytes:
        """A file's content, of its place or, where there is none, of its name alone in the mesh's folder.

        Raises OSError where it is missing, what Pillow raises where it is a broken image.
        """
        named = self.folder / name.replace("\\", "/")
        try:
            content = (named if named.is_file() else self.folder / named.name).read_bytes()
            if not name.lower().endswith(".mtl"):
                from PIL import Image

                Image.open(io.BytesIO(content)).verify()
                self.has_images = True
        except Exception:
            self.lost.append(name)
            raise
        return content

    __getitem__ = get


def _mesh(solid: Any, *, images: bool) -> Mesh:
    """A trimesh as ours; the corners of an .stl, which has them for each triangle apart, are put together."""
    if solid.visual.kind is None and len(solid.vertices) == 3 * len(solid.faces):
        solid.merge_vertices()
    if solid.vertices.shape[1] != 3:
        raise ValueError(f"its vertices have {solid.vertices.shape[1]} coordinates")
    mesh = Mesh(
        torch.from_numpy(np.array(solid.vertices, np.float32)), torch.from_numpy(np.array(solid.faces, np.int64))
    )
    material = getattr(solid.visual, "material", None)
    if material is None:
        return mesh
    image = _image(material, images)
    uvs = getattr(solid.visual, "uv", None)
    if uvs is None and image is None:
        return mesh
    upwards = torch.zeros(len(mesh.vertices), 2) if uvs is None else torch.from_numpy(np.array(uvs, np.float32))
    downwards = torch.stack([upwards[:, 0], 1 - upwards[:, 1]], dim=1)  # trimesh counts v from the last row
    return Mesh(mesh.vertices, mesh.faces, downwards, image)


def _image(material: Any, images: bool) -> Float[Tensor, "h w 3"] | None:
    """A material's image, or its colour as one; nothing where it has neither."""
    image = getattr(material, "baseColorTexture", None) or getattr(material, "image", None)
    if image is not None and images:  # without any in the file trimesh makes one up
        return image_from(image)
    color = tuple(int(value) for value in getattr(material, "diffuse", [255] * 3)[:3])
    return None if color in NO_COLOR else torch.tensor(color).reshape(1, 1, 3) / 255
