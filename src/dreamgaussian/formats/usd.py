"""Meshes as .usdz, which phones show in the room: one package with the mesh and its images inside.

Needs usd-core. The layout is what Apple's AR Quick Look asks for: a binary layer first, y up, metres, one default
prim, UsdPreviewSurface, PNG images, files aligned to 64 bytes.
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
from dreamgaussian.formats.textures import image_bytes, repeats

LONG_AGO = 24 * 3600 * 365 * 11
"""Seconds: some time after 1980, where a package's clock starts."""


def write_usdz(mesh: Mesh, path: Path) -> None:
    """Write the mesh with normals and, where it has them, its texture and normal map. Needs usd-core.

    Raises ConfigError where the folder cannot be written.
    """
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
