"""Meshes as Wavefront OBJ, with a material file and a PNG beside it."""

from pathlib import Path

import numpy as np
from jaxtyping import Float
from torch import Tensor

from dreamgaussian.core.files import atomic_path
from dreamgaussian.core.mesh import Mesh
from dreamgaussian.core.normals import vertex_normals
from dreamgaussian.formats.textures import image_bytes
from dreamgaussian.formats.trimesh_reader import read_by_trimesh


def read(path: Path) -> Mesh:
    """Read the triangles, with the image or the colour of their materials."""
    return read_by_trimesh(path)


def write(mesh: Mesh, path: Path) -> None:
    """Write `name.obj` and, where the mesh has a texture, `name.mtl`, `name_albedo.png` and, with a normal map,
    `name_normals.png`.
    """
    _write_material(mesh, path)  # first, so that what the .obj names is there before it
    with atomic_path(path) as temporary:
        temporary.write_text(_geometry(mesh, path.stem), encoding="utf-8")


def _write_material(mesh: Mesh, path: Path) -> None:
    if mesh.uvs is None or mesh.albedo is None:
        return
    texture = path.with_name(f"{path.stem}_albedo.png")
    images, bumps = {texture: mesh.albedo}, None
    if mesh.normal_map is not None:
        bumps = path.with_name(f"{path.stem}_normals.png")
        images[bumps] = mesh.normal_map / 2 + 0.5
    for image, values in images.items():
        with atomic_path(image) as temporary:
            temporary.write_bytes(image_bytes(values))
    with atomic_path(path.with_suffix(".mtl")) as temporary:
        temporary.write_text(_material(texture.name, bumps and bumps.name), encoding="utf-8")


def _geometry(mesh: Mesh, name: str) -> str:
    textured = mesh.uvs is not None and mesh.albedo is not None
    header = f"mtllib {name}.mtl\nusemtl surface\n" if textured else ""
    body = _lines("v", mesh.vertices) + _lines("vn", vertex_normals(mesh))
    corner = "{0}//{0}"
    if textured and mesh.uvs is not None:
        # OBJ counts v upwards from the texture's last row.
        body += _lines("vt", mesh.uvs * mesh.uvs.new_tensor([1, -1]) + mesh.uvs.new_tensor([0, 1]))
        corner = "{0}/{0}/{0}"
    corners = np.array([corner.format(index + 1) for index in range(len(mesh.vertices))])
    faces = "".join(f"f {a} {b} {c}\n" for a, b, c in corners[mesh.faces.numpy(force=True)])
    return header + body + faces


def _lines(keyword: str, rows: Float[Tensor, "n c"]) -> str:
    return "".join(f"{keyword} {' '.join(f'{value:.6g}' for value in row)}\n" for row in rows.tolist())


def _material(texture: str, bumps: str | None) -> str:
    """A matt material: `illum 1` is Lambert's, and opacity is stated by `d` alone, as readers differ over `Tr`."""
    bump = f"map_Bump {bumps}\n" if bumps else ""
    return f"newmtl surface\nillum 1\nKa 1 1 1\nKd 1 1 1\nKs 0 0 0\nd 1\nmap_Kd {texture}\n{bump}"
