"""Meshes as binary .stl, for printers: triangles and nothing else."""

from pathlib import Path

import numpy as np

from dreamgaussian.core.files import atomic_path
from dreamgaussian.core.mesh import Mesh
from dreamgaussian.core.normals import face_normals

TRIANGLE = np.dtype([("normal", "<f4", 3), ("corners", "<f4", (3, 3)), ("attributes", "<u2")])
HEADER_SIZE = 80


def write_stl(mesh: Mesh, path: Path) -> None:
    """Write the triangles' corners and normals. Raises ConfigError where the folder cannot be written."""
    triangles = np.zeros(len(mesh.faces), TRIANGLE)
    triangles["normal"] = face_normals(mesh).numpy(force=True)
    triangles["corners"] = mesh.vertices[mesh.faces].numpy(force=True)
    header = b"dreamgaussian".ljust(HEADER_SIZE)  # must not begin with "solid", which announces text
    with atomic_path(path) as temporary:
        temporary.write_bytes(header + np.uint32(len(triangles)).astype("<u4").tobytes() + triangles.tobytes())
