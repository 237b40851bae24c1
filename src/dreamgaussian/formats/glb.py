"""Meshes as binary glTF 2.0: one file, with the texture inside. What is read may be a whole scene of others."""

from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float
from numpy.typing import NDArray
from torch import Tensor

from dreamgaussian.core.files import atomic_path
from dreamgaussian.core.mesh import Mesh
from dreamgaussian.core.normals import vertex_normals
from dreamgaussian.core.tangents import vertex_tangents
from dreamgaussian.formats.gltf import MESHOPT, QUANTIZATION, WEBP, Document, GltfBuffer, container, read_container
from dreamgaussian.formats.gltf_scene import GltfScene, unpacked
from dreamgaussian.formats.join import join
from dreamgaussian.formats.settings import GlbSettings
from dreamgaussian.formats.textures import image_bytes, repeats

LINEAR, LINEAR_MIPMAP_LINEAR, CLAMP_TO_EDGE, REPEAT = 9729, 9987, 33071, 10497
STEPS = 2**16 - 1
"""Of a quantized position along the mesh's longest side, and of a texture coordinate along the image's."""


def read(path: Path) -> Mesh:
    """Read the triangles of the scene, in its world, with their base colour as a texture where they have one.

    Normals are left out, as ours follow from the triangles; so are metalness, roughness, opacity, bones and animations.
    The normal map of a single mesh is kept.
    """
    document, binary = read_container(path)
    with np.errstate(all="ignore"):  # what is not finite is found out when the mesh is checked
        return join(list(GltfScene(*unpacked(document, binary)).meshes()))


def write(mesh: Mesh, path: Path, settings: GlbSettings = GlbSettings()) -> None:
    """Write the mesh with normals and, where it has them, its texture, normal map and tangents.

    Metres, y up, the front along +z. The texture is the base colour of a rough dielectric.
    """
    content = glb_bytes(mesh, settings)
    with atomic_path(path) as temporary:
        temporary.write_bytes(content)


def glb_bytes(mesh: Mesh, settings: GlbSettings = GlbSettings()) -> bytes:
    """The mesh as the bytes of a .glb file."""
    buffer = GltfBuffer(meshopt=settings.compression == "meshopt")
    document: Document = {"asset": {"version": "2.0", "generator": "dreamgaussian"}, "scene": 0}
    arrays, node = _arrays(mesh), {"mesh": 0, "name": "object"}
    if settings.compression != "none":
        arrays, transform = _quantized(arrays)
        node |= transform
        _require(document, QUANTIZATION, *([MESHOPT] if settings.compression == "meshopt" else []))
    attributes = {
        name: buffer.add_attribute(
            array,
            normalized=array.dtype != np.float32 and name != "POSITION",
            bounds=name == "POSITION",
        )
        for name, array in arrays.items()
    }
    triangles = buffer.add_triangles(mesh.faces.numpy(force=True), len(mesh.vertices))
    primitive = {"attributes": attributes, "indices": triangles, "material": 0}
    document["scenes"] = [{"nodes": [0]}]
    document["nodes"] = [node]
    document["meshes"] = [{"name": "object", "primitives": [primitive]}]
    document["materials"] = [_material(mesh, document, buffer, settings.texture)]
    buffer.put_into(document)
    return container(document, bytes(buffer.data))


def _arrays(mesh: Mesh) -> dict[str, NDArray[Any]]:
    """The vertices' attributes by their names in glTF."""
    normals = _unit(_float32(vertex_normals(mesh)))
    arrays = {"POSITION": _float32(mesh.vertices), "NORMAL": normals}
    if mesh.uvs is not None and (mesh.albedo is not None or mesh.normal_map is not None):
        arrays["TEXCOORD_0"] = _float32(mesh.uvs)
        if mesh.normal_map is not None:
            arrays["TANGENT"] = _float32(vertex_tangents(mesh))
    return arrays


def _quantized(arrays: dict[str, NDArray[Any]]) -> tuple[dict[str, NDArray[Any]], Document]:
    """The attributes as KHR_mesh_quantization allows, and the node's transform that undoes it."""
    corner = arrays["POSITION"].min(axis=0)
    step = max(float((arrays["POSITION"] - corner).max()), 1e-9) / STEPS  # not zero for a mesh that is one point
    uvs = arrays.get("TEXCOORD_0", np.zeros((0, 2), np.float32))
    packed = {
        "POSITION": ((arrays["POSITION"] - corner) / step).round().clip(0, STEPS).astype(np.uint16),
        "NORMAL": (arrays["NORMAL"] * 127).round().astype(np.int8),
        "TEXCOORD_0": uvs if repeats(uvs) else (uvs * STEPS).round().astype(np.uint16),
        "TANGENT": (arrays.get("TANGENT", uvs) * 127).round().astype(np.int8),
    }
    return {name: packed[name] for name in arrays}, {"translation": corner.tolist(), "scale": [step] * 3}


def _material(mesh: Mesh, document: Document, buffer: GltfBuffer, kind: str) -> Document:
    surface: Document = {"metallicFactor": 0.0, "roughnessFactor": 1.0}
    material: Document = {"name": "surface", "pbrMetallicRoughness": surface}
    if mesh.uvs is None:
        return material
    wrap = REPEAT if repeats(mesh.uvs) else CLAMP_TO_EDGE
    sampler = {"magFilter": LINEAR, "minFilter": LINEAR_MIPMAP_LINEAR, "wrapS": wrap, "wrapT": wrap}
    if mesh.albedo is not None or mesh.normal_map is not None:
        document["samplers"] = [sampler]
    if mesh.albedo is not None:
        surface["baseColorTexture"] = _texture(document, "albedo", kind, buffer.add(image_bytes(mesh.albedo, kind)))
    if mesh.normal_map is not None:
        coded = image_bytes(mesh.normal_map / 2 + 0.5, kind, lossless=True)
        material["normalTexture"] = _texture(document, "normals", kind, buffer.add(coded))
    return material


def _texture(document: Document, name: str, kind: str, view: int) -> Document:
    """Add the texture whose image is a view of the buffer; a reference to it."""
    images, textures = document.setdefault("images", []), document.setdefault("textures", [])
    source: Document = {"source": len(images)}
    images.append({"bufferView": view, "mimeType": f"image/{kind}", "name": name})
    if kind == "webp":
        source = {"extensions": {WEBP: source}}
        _require(document, WEBP)
    textures.append({"sampler": 0} | source)
    return {"index": len(textures) - 1}


def _require(document: Document, *extensions: str) -> None:
    for key in ("extensionsUsed", "extensionsRequired"):
        document[key] = sorted({*document.get(key, []), *extensions})


def _float32(tensor: Float[Tensor, "n c"]) -> NDArray[np.float32]:
    return tensor.numpy(force=True).astype(np.float32)


def _unit(normals: NDArray[np.float32]) -> NDArray[np.float32]:
    """The normals, where those of vertices whose faces have no area are +y: glTF allows unit vectors only."""
    lost = np.abs(np.linalg.norm(normals, axis=1) - 1) > 1e-3  # these are zero; rounding is far smaller
    normals[lost] = (0, 1, 0)
    return normals
