"""Meshes as binary .stl, for printers: triangles and nothing else."""

from pathlib import Path

import numpy as np

from dreamgaussian.core.files import atomic_path
from dreamgaussian.core.mesh import Mesh
from dreamgaussian.core.normals import face_normals
from dreamgaussian.formats.trimesh_reader import read_by_trimesh

HEADER_SIZE = 80
TRIANGLE = np.dtype([("normal", "<f4", 3), ("corners", "<f4", (3, 3)), ("attributes", "<u2")])
"""50 bytes; the attributes are zero."""


def read(path: Path) -> Mesh:
    """Read the triangles of a binary or ASCII file; corners at the same place become one vertex."""
    return read_by_trimesh(path)


def write(mesh: Mesh, path: Path) -> None:
    """Write the triangles' corners and normals."""
    triangles = np.zeros(len(mesh.faces), TRIANGLE)
    triangles["normal"] = face_normals(mesh).numpy(force=True)
    triangles["corners"] = mesh.vertices[mesh.faces].numpy(force=True)
    header = b"dreamgaussian".ljust(HEADER_SIZE)  # must not begin with "solid", which announces text
    count = np.uint32(len(triangles)).astype("<u4").tobytes()
    with atomic_path(path) as temporary:
        temporary.write_bytes(header + count + triangles.tobytes())
