"""The texture atlas."""

import numpy as np
import torch

from dreamgaussian.mesh.mesh import Mesh

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
