"""Meshes from .usdz packages, through usd-core."""

# pyright: reportAttributeAccessIssue=false
# What usd-core's modules hold is unknown to the checker.
from pathlib import Path
from typing import Any

import numpy as np
import torch

from dreamgaussian.core.errors import InputError
from dreamgaussian.core.mesh import Mesh
from dreamgaussian.formats.checks import checked_mesh, file_bytes
from dreamgaussian.formats.join import join
from dreamgaussian.formats.textures import image_from


def read_usdz(path: Path) -> Mesh:
    """Read the triangles of all meshes, in metres with y up, with their diffuse texture. Needs usd-core.

    Raises `InputError` for what is not a whole package with finite meshes.
    """
    from pxr import Sdf, Tf, Usd, UsdGeom

    if not file_bytes(path).startswith(b"PK"):
        raise InputError(f"{path} is no .usdz package. Export it again.")
    try:
        package = Sdf.ZipFile.Open(str(path))
        stage = Usd.Stage.Open(str(path))
        if not package or not stage:
            raise ValueError("it cannot be opened")
        world = _y_up_metres(stage)
        prims = [UsdGeom.Mesh(prim) for prim in stage.Traverse() if prim.IsA(UsdGeom.Mesh)]
        meshes = [_mesh(prim, np.array(prim.ComputeLocalToWorldTransform(0)) @ world, package) for prim in prims]
    except (Tf.ErrorException, ValueError, IndexError, TypeError, RuntimeError, OSError) as error:
        reason = " ".join(str(error).split())[:100]
        raise InputError(f"{path} is a broken .usdz package ({reason}). Export it again.") from error
    if not meshes:
        raise InputError(f"{path} holds no mesh. Export it again.")
    return checked_mesh(join(meshes), path)


def _y_up_metres(stage: Any) -> np.ndarray:
    """From the stage's frame to ours, for rows as USD has them."""
    from pxr import UsdGeom

    matrix = np.eye(4)
    if UsdGeom.GetStageUpAxis(stage) == UsdGeom.Tokens.z:
        matrix[1:3, 1:3] = [[0, -1], [1, 0]]
    matrix[:3, :3] *= UsdGeom.GetStageMetersPerUnit(stage)
    return matrix


def _mesh(prim: Any, world: np.ndarray, package: Any) -> Mesh:
    from pxr import UsdGeom

    points = np.array(prim.GetPointsAttr().Get(), np.float64).reshape(-1, 3) @ world[:3, :3] + world[3, :3]
    corners = np.array(prim.GetFaceVertexIndicesAttr().Get(), np.int64)
    triangles = _triangles(np.array(prim.GetFaceVertexCountsAttr().Get(), np.int64))
    st = UsdGeom.PrimvarsAPI(prim).GetPrimvar("st")
    uvs = None
    if st and st.HasValue():
        uvs = np.array(st.ComputeFlattened(), np.float32).reshape(-1, 2)
        if len(uvs) == len(corners) != len(points):  # one for each corner: corners become vertices
            points, corners = points[corners], np.arange(len(corners))
        uvs = np.stack([uvs[:, 0], 1 - uvs[:, 1]], axis=1) if len(uvs) == len(points) else None
    faces = corners[triangles]
    if (prim.GetOrientationAttr().Get() == UsdGeom.Tokens.leftHanded) != (np.linalg.det(world[:3, :3]) < 0):
        faces = faces[:, ::-1].copy()
    return Mesh(
        torch.from_numpy(points).float(),
        torch.from_numpy(faces),
        None if uvs is None else torch.from_numpy(uvs),
        None if uvs is None else _diffuse(prim, package),
    )


def _triangles(sizes: np.ndarray) -> np.ndarray:
    """Places of triangles' corners, for polygons of the given sizes cut from their first corner."""
    starts, cuts = np.cumsum(sizes) - sizes, np.maximum(sizes - 2, 0)
    owner = np.repeat(np.arange(len(sizes)), cuts)
    step = np.arange(len(owner)) - np.repeat(np.cumsum(cuts) - cuts, cuts)
    return np.stack([starts[owner], starts[owner] + step + 1, starts[owner] + step + 2], axis=1)


def _diffuse(prim: Any, package: Any) -> torch.Tensor | None:
    """The image that the diffuse colour of the bound material comes from."""
    from pxr import UsdShade

    material, _ = UsdShade.MaterialBindingAPI(prim).ComputeBoundMaterial()
    shader = material.ComputeSurfaceSource()[0] if material else None
    source = shader.GetInput("diffuseColor").GetConnectedSources()[0] if shader else None
    if not source:
        return None
    file = UsdShade.Shader(source[0].source.GetPrim()).GetInput("file").Get()
    return image_from(bytes(package.GetFile(file.path)))
