"""What a glTF document shows: the triangles of its scene, in its world, with their base colour."""

import math
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import torch

from dreamgaussian.core.image import linear_to_srgb, srgb_to_linear
from dreamgaussian.core.mesh import Mesh
from dreamgaussian.core.rotations import rotation_matrices
from dreamgaussian.formats.gltf import MESHOPT, QUANTIZATION, WEBP, Document, accessor_array, data_of
from dreamgaussian.formats.libraries import MESHOPT as MESHOPT_LIBRARY
from dreamgaussian.formats.textures import image_from

TRIANGLES, STRIP, FAN = 4, 5, 6
TEXTURE_TRANSFORM = "KHR_texture_transform"
SPECULAR_GLOSSINESS = "KHR_materials_pbrSpecularGlossiness"
READ = {WEBP, QUANTIZATION, MESHOPT, TEXTURE_TRANSFORM}
"""Extensions that a file may require, besides KHR_materials_*, which change only what is left out."""


def unpacked(document: Document, binary: bytes) -> tuple[Document, bytes]:
    """The document and chunk with meshopt's compression undone. Raises ValueError for what is not read."""
    required = document.get("extensionsRequired", [])
    unread = [name for name in required if name not in READ and not name.startswith("KHR_materials_")]
    if unread:
        raise ValueError(f"it needs {unread[0]}, which is not read")
    if MESHOPT in required:
        MESHOPT_LIBRARY.require(f".glb with {MESHOPT}")
    data, views = bytearray(binary), list(document.get("bufferViews", []))
    for i, view in enumerate(views):
        packing = view.get("extensions", {}).get(MESHOPT)
        if packing is not None:
            from meshopt import decode_gltf_buffer

            start = packing.get("byteOffset", 0)
            packed = binary[start : start + packing["byteLength"]]
            sizes = (packing["count"], packing["byteStride"])
            # No small file asks for gigabytes: it may unpack to a thousand times its size.
            if packing.get("buffer", 0) != 0 or min(sizes) < 0 or sizes[0] * sizes[1] > 1000 * len(binary):
                raise ValueError("compressed data is said to be larger than it can be")
            rows = decode_gltf_buffer(packed, *sizes, packing["mode"], packing.get("filter"))
            views[i] = {**view, "buffer": 0, "byteOffset": len(data), "extensions": {}}
            data.extend(np.ascontiguousarray(rows).tobytes())
            data.extend(bytes(-len(data) % 4))
    return {**document, "bufferViews": views}, bytes(data)


@dataclass(frozen=True)
class GltfScene:
    """The scene of a document whose data is uncompressed, as `unpacked` has it."""

    document: Document
    binary: bytes
    images: dict[Any, torch.Tensor] = field(default_factory=dict)
    """Images already read, so that parts which share one have the same tensor."""

    def roots(self) -> list[int]:
        """The nodes that the scene names, or all that no other node holds."""
        scenes = self.document.get("scenes", [])
        if scenes:
            return scenes[self.document.get("scene", 0)].get("nodes", [])
        held = {child for node in self.document["nodes"] for child in node.get("children", [])}
        return [node for node in range(len(self.document["nodes"])) if node not in held]

    def meshes(self) -> Iterator[Mesh]:
        """The triangles of all nodes of the scene."""
        waiting = [(root, np.eye(4)) for root in reversed(self.roots())]
        seen = set[int]()
        while waiting:
            index, world_from_parent = waiting.pop()
            if index in seen:
                raise ValueError("its nodes hold each other in a loop, or one is held twice")
            seen.add(index)
            node = self.document["nodes"][index]
            world_from_node = world_from_parent @ _transform(node)
            if "mesh" in node:
                for primitive in self.document["meshes"][node["mesh"]]["primitives"]:
                    if primitive.get("mode", TRIANGLES) in (TRIANGLES, STRIP, FAN):
                        yield self._mesh(primitive, world_from_node)
            waiting += [(child, world_from_node) for child in reversed(node.get("children", []))]

    def _mesh(self, primitive: Any, world_from_node: np.ndarray) -> Mesh:
        attributes = primitive["attributes"]
        points = self._array(attributes["POSITION"], 3) @ world_from_node[:3, :3].T + world_from_node[:3, 3]
        corners = np.arange(len(points))
        if "indices" in primitive:
            corners = self._array(primitive["indices"], 1, np.int64)[:, 0]
        faces = _triangles(corners, primitive.get("mode", TRIANGLES))
        if np.linalg.det(world_from_node[:3, :3]) < 0:
            faces = faces[:, ::-1].copy()  # a mirror turns triangles inside out
        mesh = Mesh(torch.from_numpy(points).float(), torch.from_numpy(faces))
        if "material" not in primitive:
            return mesh
        return self._colored(mesh, attributes, self.document["materials"][primitive["material"]])

    def _colored(self, mesh: Mesh, attributes: Any, material: Any) -> Mesh:
        surface, glossy = material.get("pbrMetallicRoughness", {}), _extension(material, SPECULAR_GLOSSINESS)
        texture = glossy.get("diffuseTexture", surface.get("baseColorTexture"))
        factor = glossy.get("diffuseFactor", surface.get("baseColorFactor", [1, 1, 1, 1]))
        image = self._base_color(texture, tuple(map(float, factor[:3])))
        bumps = material.get("normalTexture")
        if image is None and bumps is None:
            return mesh
        uvs = torch.zeros(len(mesh.vertices), 2)
        used = texture or bumps
        if used is not None:
            move = _extension(used, TEXTURE_TRANSFORM)
            name = f"TEXCOORD_{move.get('texCoord', used.get('texCoord', 0))}"
            if name in attributes:
                uvs = torch.from_numpy(_moved(self._array(attributes[name], 2), move))
        normal_map = None if bumps is None else self._image(bumps) * 2 - 1
        return replace(mesh, uvs=uvs, albedo=image, normal_map=normal_map)

    def _base_color(self, texture: Any, factor: tuple[float, ...]) -> torch.Tensor | None:
        """The image with the factor in it; of the factor alone where there is no image; nothing where it is 1."""
        if texture is None:
            return None if factor == (1, 1, 1) else linear_to_srgb(torch.tensor(factor)).reshape(1, 1, 3)
        if factor == (1, 1, 1):
            return self._image(texture)
        key = (texture["index"], factor)
        if key not in self.images:
            self.images[key] = linear_to_srgb(srgb_to_linear(self._image(texture)) * torch.tensor(factor))
        return self.images[key]

    def _image(self, reference: Any) -> torch.Tensor:
        texture = self.document["textures"][reference["index"]]
        source = _extension(texture, WEBP).get("source", texture.get("source"))
        if source is None:
            raise ValueError("a texture is neither PNG, JPEG nor WebP")
        if source not in self.images:
            self.images[source] = image_from(self._encoded(self.document["images"][source]))
        return self.images[source]

    def _encoded(self, image: Any) -> bytes:
        """An image's file."""
        if "bufferView" not in image:
            return data_of(image["uri"])
        view = self.document["bufferViews"][image["bufferView"]]
        if view["buffer"] != 0:
            raise ValueError("its images lie in other files")
        start = view.get("byteOffset", 0)
        return self.binary[start : start + view["byteLength"]]

    def _array(self, index: int, columns: int, dtype: Any = np.float32) -> np.ndarray:
        return accessor_array(self.document, self.binary, index, columns, dtype)


def _extension(holder: Any, name: str) -> Any:
    """What an extension says of an object; nothing where it is not there."""
    return holder.get("extensions", {}).get(name, {})


def _triangles(corners: np.ndarray, mode: int) -> np.ndarray:
    """Corners of triangles apart, from a list of them, a strip or a fan."""
    if mode == TRIANGLES:
        return corners[: len(corners) // 3 * 3].reshape(-1, 3)
    if mode == FAN:
        return np.stack([corners[1:-1], corners[2:], np.broadcast_to(corners[:1], len(corners[2:]))], axis=1)
    faces = np.stack([corners[:-2], corners[1:-1], corners[2:]], axis=1)
    faces[1::2] = faces[1::2, [0, 2, 1]]  # every other one runs the other way round
    return faces


def _moved(uvs: np.ndarray, move: Any) -> np.ndarray:
    """Texture coordinates as KHR_texture_transform has them: scaled, turned counter-clockwise, shifted."""
    cosine, sine = math.cos(move.get("rotation", 0)), math.sin(move.get("rotation", 0))
    turn = np.array([[cosine, -sine], [sine, cosine]])  # for rows, v downwards
    moved = uvs * move.get("scale", [1, 1]) @ turn + move.get("offset", [0, 0])
    return moved.astype(np.float32)


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
