"""Meshes from binary glTF 2.0 files: the triangles of the scene with their base colour."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

from dreamgaussian.errors import InputError
from dreamgaussian.export.checks import checked_mesh
from dreamgaussian.export.glb import WEBP
from dreamgaussian.export.gltf import MESHOPT, Document, accessor_array, read_container
from dreamgaussian.export.join import join
from dreamgaussian.export.libraries import need_library
from dreamgaussian.export.pictures import picture_from
from dreamgaussian.gaussians import rotation_matrices
from dreamgaussian.mesh.mesh import Mesh

TRIANGLES = 4
MAX_DEPTH = 100
"""Of nodes in nodes; a deeper tree is taken for a loop."""


def read_glb(path: Path) -> Mesh:
    """Read the triangles of the scene, in its world, with their base colour as a texture where they have one.

    Normals are left out, as ours follow from the triangles; so are metalness, roughness, bones and animations. The
    normal map of a single mesh is kept. Raises `InputError` for what is not a whole file of finite meshes.
    """
    document, binary = read_container(path)
    try:
        scene = _Scene(*_unpacked(document, binary))
        meshes = [mesh for root in scene.roots() for mesh in scene.meshes(root, np.eye(4), 0)]
    except (KeyError, IndexError, TypeError, ValueError, AttributeError, OSError, SyntaxError) as error:
        raise InputError(f"{path} is a glTF file that cannot be read ({error}). Export it again.") from error
    if not meshes:
        raise InputError(f"{path} holds no triangles. Export it again.")
    return checked_mesh(join(meshes), path)


@dataclass(frozen=True)
class _Scene:
    document: Document
    binary: bytes

    def roots(self) -> list[int]:
        """The nodes that the scene names, or all that no other node holds."""
        scenes = self.document.get("scenes", [])
        if scenes:
            return scenes[self.document.get("scene", 0)].get("nodes", [])
        held = {child for node in self.document["nodes"] for child in node.get("children", [])}
        return [node for node in range(len(self.document["nodes"])) if node not in held]

    def meshes(self, index: int, world_from_parent: np.ndarray, depth: int) -> Iterator[Mesh]:
        """The triangles of a node and of those below it."""
        if depth > MAX_DEPTH:
            raise ValueError("its nodes hold each other in a loop")
        node = self.document["nodes"][index]
        world_from_node = world_from_parent @ _transform(node)
        if "mesh" in node:
            for primitive in self.document["meshes"][node["mesh"]]["primitives"]:
                if primitive.get("mode", TRIANGLES) == TRIANGLES:
                    yield self._mesh(primitive, world_from_node)
        for child in node.get("children", []):
            yield from self.meshes(child, world_from_node, depth + 1)

    def _mesh(self, primitive: Any, world_from_node: np.ndarray) -> Mesh:
        attributes = primitive["attributes"]
        points = self._array(attributes["POSITION"]) @ world_from_node[:3, :3].T + world_from_node[:3, 3]
        faces = np.arange(len(points))
        if "indices" in primitive:
            faces = self._array(primitive["indices"], np.int64)[:, 0]
        faces = faces[: len(faces) // 3 * 3].reshape(-1, 3)
        if np.linalg.det(world_from_node[:3, :3]) < 0:
            faces = faces[:, ::-1].copy()  # a mirror turns triangles inside out
        mesh = Mesh(torch.from_numpy(points).float(), torch.from_numpy(faces))
        if "material" not in primitive:
            return mesh
        return self._colored(mesh, attributes, self.document["materials"][primitive["material"]])

    def _colored(self, mesh: Mesh, attributes: Any, material: Any) -> Mesh:
        surface = material.get("pbrMetallicRoughness", {})
        factor = torch.tensor(surface.get("baseColorFactor", [1, 1, 1, 1])[:3], dtype=torch.float32)
        texture, bumps = surface.get("baseColorTexture"), material.get("normalTexture")
        picture = None
        if texture is not None:
            picture = self._picture(texture)
            if bool((factor != 1).any()):
                picture = _srgb(_linear(picture) * factor)
        elif bool((factor != 1).any()):
            picture = _srgb(factor).reshape(1, 1, 3)
        if picture is None and bumps is None:
            return mesh
        uvs = torch.zeros(len(mesh.vertices), 2)
        used = texture or bumps
        if used is not None and (name := f"TEXCOORD_{used.get('texCoord', 0)}") in attributes:
            uvs = torch.from_numpy(self._array(attributes[name]))
        normal_map = None if bumps is None else self._picture(bumps) * 2 - 1
        return replace(mesh, uvs=uvs, albedo=picture, normal_map=normal_map)

    def _picture(self, reference: Any) -> torch.Tensor:
        texture = self.document["textures"][reference["index"]]
        webp = texture.get("extensions", {}).get(WEBP)
        image = self.document["images"][(webp or texture)["source"]]
        if "bufferView" not in image:
            raise ValueError("its pictures lie in other files")
        view = self.document["bufferViews"][image["bufferView"]]
        start = view.get("byteOffset", 0)
        return picture_from(self.binary[start : start + view["byteLength"]])

    def _array(self, index: int, dtype: Any = np.float32) -> np.ndarray:
        return accessor_array(self.document, self.binary, index, dtype)


def _transform(node: Any) -> np.ndarray:
    """From the node's frame to its parent's."""
    if "matrix" in node:
        return np.array(node["matrix"], float).reshape(4, 4).T
    x, y, z, w = node.get("rotation", [0, 0, 0, 1])
    rotation = rotation_matrices(torch.tensor([[w, x, y, z]], dtype=torch.float64))[0].numpy()
    matrix = np.eye(4)
    matrix[:3, :3] = rotation * np.array(node.get("scale", [1, 1, 1]), float)
    matrix[:3, 3] = node.get("translation", [0, 0, 0])
    return matrix


def _unpacked(document: Document, binary: bytes) -> tuple[Document, bytes]:
    """The document and chunk with meshopt's compression undone. Raises ValueError for another one."""
    required = document.get("extensionsRequired", [])
    if "KHR_draco_mesh_compression" in required:
        raise ValueError("it is compressed by Draco, which is not read")
    if MESHOPT in required:
        need_library("meshopt")
    data, views = bytearray(binary), list(document.get("bufferViews", []))
    for i, view in enumerate(views):
        packing = view.get("extensions", {}).get(MESHOPT)
        if packing is not None:
            from meshopt import decode_gltf_buffer

            start = packing.get("byteOffset", 0)
            packed = binary[start : start + packing["byteLength"]]
            sizes = (packing["count"], packing["byteStride"])
            if min(sizes) < 0 or sizes[0] * sizes[1] > 1000 * len(binary):
                raise ValueError("compressed data is said to be larger than it can be")
            rows = decode_gltf_buffer(packed, *sizes, packing["mode"], packing.get("filter"))
            views[i] = {**view, "buffer": 0, "byteOffset": len(data), "extensions": {}}
            data.extend(np.ascontiguousarray(rows).tobytes())
            data.extend(bytes(-len(data) % 4))
    return {**document, "bufferViews": views}, bytes(data)


def _linear(srgb: torch.Tensor) -> torch.Tensor:
    return torch.where(srgb <= 0.04045, srgb / 12.92, ((srgb + 0.055) / 1.055) ** 2.4)


def _srgb(linear: torch.Tensor) -> torch.Tensor:
    return torch.where(linear <= 0.0031308, linear * 12.92, 1.055 * linear.clamp_min(0) ** (1 / 2.4) - 0.055)
