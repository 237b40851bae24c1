"""The texture atlas."""

import numpy as np
import torch

from dreamgaussian.core.errors import InputError
from dreamgaussian.core.mesh import Mesh
from dreamgaussian.raster.mesh import Fragments, MeshScene

PADDING = 4
"""Texels between charts."""


def unwrap(mesh: Mesh, texture_size: int) -> Mesh:
    """The mesh cut into charts by xatlas, with texture coordinates; vertices on seams are doubled."""
    import xatlas

    atlas = xatlas.Atlas()
    atlas.add_mesh(mesh.vertices.numpy(force=True), mesh.faces.numpy(force=True).astype(np.uint32))
    charts = xatlas.ChartOptions()
    charts.max_iterations = 1
    packing = xatlas.PackOptions()
    packing.resolution = texture_size
    packing.padding = PADDING
    packing.bilinear = True
    atlas.generate(charts, packing)
    origins, faces, uvs = atlas[0]
    return Mesh(
        vertices=mesh.vertices[torch.from_numpy(origins.astype(np.int64)).to(mesh.vertices.device)],
        faces=torch.from_numpy(faces.astype(np.int64)),
        uvs=torch.from_numpy(uvs.astype(np.float32)),
    )


def atlas_fragments(mesh: Mesh, size: int) -> Fragments:
    """Which face every texel of an atlas of `size` x `size` belongs to, and where on it the texel's centre lies.

    Raises InputError if the mesh has no texture coordinates.
    """
    if mesh.uvs is None:
        raise InputError("The mesh has no texture coordinates: unwrap it first.")
    flat = MeshScene(torch.cat([mesh.uvs * size, torch.zeros(len(mesh.uvs), 1)], dim=1), mesh.faces)
    centres = torch.arange(size) + 0.5
    rows, columns = torch.meshgrid(centres, centres, indexing="ij")
    origins = torch.stack([columns, rows, torch.ones_like(rows)], dim=-1).view(-1, 3)
    down = torch.tensor([0.0, 0.0, -1.0]).expand_as(origins)
    return Fragments(size, size, *flat.trace(origins, down))
