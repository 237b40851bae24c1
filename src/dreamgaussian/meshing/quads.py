"""A surface of even quads that follow its curvature: Instant Meshes (Jakob et al. 2015), through pyinstantmeshes."""

import os
import sys
from collections.abc import Generator
from contextlib import contextmanager
from importlib.util import find_spec

import numpy as np
import torch

from dreamgaussian.core.errors import BackendUnavailable, EmptyResult
from dreamgaussian.core.mesh import Mesh

SUBDIVIDED = 4
"""Quads that the library makes of each face that it is asked for, so that all are quads."""


def need_remesher() -> None:
    """Raises BackendUnavailable where pyinstantmeshes is not installed."""
    if find_spec("pyinstantmeshes") is None:
        raise BackendUnavailable(
            "mesh.remesh needs the package pyinstantmeshes, which is not installed. Run: "
            "pip install 'dreamgaussian[remesh]'"
        )


def remeshed(mesh: Mesh, faces: int) -> Mesh:
    """The closed surface made of some `faces` / 2 quads, each cut into two triangles that follow each other.

    The same input gives the same quads. Raises BackendUnavailable as `need_remesher`, EmptyResult where no quads fit.
    """
    need_remesher()
    import pyinstantmeshes

    with _silence():
        vertices, triangles = pyinstantmeshes.remesh(
            mesh.vertices.numpy(force=True).astype(np.float32),
            mesh.faces.numpy(force=True).astype(np.int32),
            target_face_count=max(faces // (2 * SUBDIVIDED), 1),
            pure_quad=True,
            deterministic=True,
        )
    if len(triangles) == 0:
        raise EmptyResult(f"No quads fit the surface at {faces} triangles. Ask for more with --mesh.faces.")
    return Mesh(torch.from_numpy(np.asarray(vertices, np.float32)), torch.from_numpy(np.asarray(triangles, np.int64)))


@contextmanager
def _silence() -> Generator[None]:
    """Keeps off the standard output what the library tells there, past Python."""
    sys.stdout.flush()
    kept, nowhere = os.dup(1), os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 1)
    try:
        yield
    finally:
        os.dup2(kept, 1)
        os.close(kept)
        os.close(nowhere)
