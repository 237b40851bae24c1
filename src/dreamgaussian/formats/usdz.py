"""Meshes as .usdz, which phones show in the room: one package with the mesh and its images inside.

Needs usd-core. The layout that is written is what Apple's AR Quick Look asks for: a binary layer first, y up, metres,
one default prim, UsdPreviewSurface, PNG images, files aligned to 64 bytes.
"""

# pyright: reportAttributeAccessIssue=false
# What usd-core's modules hold is unknown to the checker.

import os
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from dreamgaussian.core.files import atomic_path
from dreamgaussian.core.mesh import Mesh
from dreamgaussian.core.normals import vertex_normals
from dreamgaussian.formats.join import join
from dreamgaussian.formats.textures import image_bytes, image_from, repeats

LONG_AGO = 24 * 3600 * 365 * 11
"""Seconds since 1970: some time after 1980, where the clock of a package starts."""


def read(path: Path) -> Mesh:
    """Read the triangles of all meshes, in metres with y up, with their diffuse texture."""
    from pxr import Sdf, Usd, UsdGeom

    if not path.read_bytes().startswith(b"PK"):
        raise ValueError("it is no package")
    package, stage = Sdf.ZipFile.Open(str(path)), Usd.Stage.Open(str(path))
    if not package or not stage:
        raise ValueError("it cannot be opened")
    world = _y_up_metres(stage)
    prims = [UsdGeom.Mesh(prim) for prim in stage.Traverse() if prim.IsA(UsdGeom.Mesh)]
    return join([_read_mesh(prim, np.array(prim.ComputeLocalToWorldTransform(0)) @ world, package) for prim in prims])


def write(mesh: Mesh, path: Path) -> None:
    """Write the mesh with normals and, where it has them, its texture and normal map."""
    from pxr import Sdf, Usd

    with tempfile.TemporaryDirectory() as folder, atomic_path(path) as temporary:
        layer = Path(folder) / "mesh.usdc"
        stage = Usd.Stage.CreateNew(str(layer))
        images = _images(mesh)
        _describe(stage, mesh, images)
        stage.GetRootLayer().Save()
        temporary.unlink()  # the writer wants to make the file itself
        with Sdf.ZipFileWriter.CreateNew(str(temporary)) as package:
            for name, content in images.items():
                (Path(folder) / name).write_bytes(content)
            for name in (layer.name, *images):
                file = Path(folder) / name
                os.utime(file, (LONG_AGO, LONG_AGO))  # the package keeps it, and is to be the same every time
                package.AddFile(str(file), name)


def _images(mesh: Mesh) -> dict[str, bytes]:
    """The images in the package, by name."""
    images: dict[str, bytes] = {}
    if mesh.uvs is not None and mesh.albedo is not None:
        images["albedo.png"] = image_bytes(mesh.albedo)
    if mesh.uvs is not None and mesh.normal_map is not None:
        images["normals.png"] = image_bytes(mesh.normal_map / 2 + 0.5)
    return images


def _describe(stage: Any, mesh: Mesh, images: dict[str, bytes]) -> None:
    from pxr import Gf, Kind, Sdf, Usd, UsdGeom, UsdShade, Vt

    UsdGeom.SetStageUpAxis(stage, UsdGeom.Tokens.y)
    UsdGeom.SetStageMetersPerUnit(stage, 1.0)
    root = UsdGeom.Xform.Define(stage, "/object")
    stage.SetDefaultPrim(root.GetPrim())
    Usd.ModelAPI(root).SetKind(Kind.Tokens.component)
    surface = UsdGeom.Mesh.Define(stage, "/object/mesh")
    points = _array(mesh.vertices)
    surface.CreatePointsAttr(Vt.Vec3fArray.FromNumpy(points))
    surface.CreateExtentAttr([Gf.Vec3f(*map(float, corner)) for corner in (points.min(axis=0), points.max(axis=0))])
    surface.CreateFaceVertexCountsAttr(Vt.IntArray.FromNumpy(np.full(len(mesh.faces), 3, np.int32)))
    surface.CreateFaceVertexIndicesAttr(Vt.IntArray.FromNumpy(mesh.faces.numpy(force=True).astype(np.int32).ravel()))
    surface.CreateNormalsAttr(Vt.Vec3fArray.FromNumpy(_array(vertex_normals(mesh))))
    surface.SetNormalsInterpolation(UsdGeom.Tokens.vertex)
    surface.CreateSubdivisionSchemeAttr(UsdGeom.Tokens.none)
    if mesh.uvs is not None:
        upwards = torch.stack([mesh.uvs[:, 0], 1 - mesh.uvs[:, 1]], dim=1)  # t counts from the last row
        kind = Sdf.ValueTypeNames.TexCoord2fArray
        uvs = UsdGeom.PrimvarsAPI(surface).CreatePrimvar("st", kind, UsdGeom.Tokens.vertex)
        uvs.Set(Vt.Vec2fArray.FromNumpy(_array(upwards)))
    material = _material(stage, images, "repeat" if mesh.uvs is not None and repeats(mesh.uvs) else "clamp")
    UsdShade.MaterialBindingAPI.Apply(surface.GetPrim()).Bind(material)


def _material(stage: Any, images: dict[str, bytes], wrap: str) -> Any:
    """A rough dielectric with the images there are."""
    from pxr import Gf, Sdf, UsdShade

    kinds = Sdf.ValueTypeNames
    material = UsdShade.Material.Define(stage, "/object/surface")
    shader = _shader(stage, "preview", "UsdPreviewSurface")
    shader.CreateInput("roughness", kinds.Float).Set(1.0)
    shader.CreateInput("metallic", kinds.Float).Set(0.0)
    material.CreateSurfaceOutput().ConnectToSource(shader.ConnectableAPI(), "surface")
    if not images:
        return material
    coordinates = _shader(stage, "coordinates", "UsdPrimvarReader_float2")
    coordinates.CreateInput("varname", kinds.String).Set("st")
    st = coordinates.CreateOutput("result", kinds.Float2)
    for name in images:
        texture = _shader(stage, name.removesuffix(".png"), "UsdUVTexture")
        texture.CreateInput("file", kinds.Asset).Set(Sdf.AssetPath(name))
        texture.CreateInput("st", kinds.Float2).ConnectToSource(st)
        texture.CreateInput("wrapS", kinds.Token).Set(wrap)
        texture.CreateInput("wrapT", kinds.Token).Set(wrap)
        color = name == "albedo.png"
        texture.CreateInput("sourceColorSpace", kinds.Token).Set("sRGB" if color else "raw")
        if not color:
            texture.CreateInput("scale", kinds.Float4).Set(Gf.Vec4f(2, 2, 2, 1))
            texture.CreateInput("bias", kinds.Float4).Set(Gf.Vec4f(-1, -1, -1, 0))
        target, kind = ("diffuseColor", kinds.Color3f) if color else ("normal", kinds.Normal3f)
        shader.CreateInput(target, kind).ConnectToSource(texture.CreateOutput("rgb", kinds.Float3))
    return material


def _shader(stage: Any, name: str, kind: str) -> Any:
    from pxr import UsdShade

    shader = UsdShade.Shader.Define(stage, f"/object/surface/{name}")
    shader.CreateIdAttr(kind)
    return shader


def _array(tensor: Float[Tensor, "n _"]) -> np.ndarray:
    return np.ascontiguousarray(tensor.numpy(force=True), np.float32)


def _y_up_metres(stage: Any) -> np.ndarray:
    """From the stage's frame to ours, for rows as USD has them."""
    from pxr import UsdGeom

    matrix = np.eye(4)
    if UsdGeom.GetStageUpAxis(stage) == UsdGeom.Tokens.z:
        matrix[1:3, 1:3] = [[0, -1], [1, 0]]
    matrix[:3, :3] *= UsdGeom.GetStageMetersPerUnit(stage)
    return matrix


def _read_mesh(prim: Any, world: np.ndarray, package: Any) -> Mesh:
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
