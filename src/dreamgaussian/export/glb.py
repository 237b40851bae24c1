"""Meshes as binary glTF 2.0: one file, with the texture inside."""

import io
import json
import struct
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float
from numpy.typing import NDArray
from torch import Tensor

from dreamgaussian.files import atomic_path
from dreamgaussian.mesh.mesh import Mesh
from dreamgaussian.mesh.normals import vertex_normals

# Numbers from the specification, https://registry.khronos.org/glTF/specs/2.0/glTF-2.0.html
FLOAT, UNSIGNED_INT = 5126, 5125
ARRAY_BUFFER, ELEMENT_ARRAY_BUFFER = 34962, 34963
LINEAR, LINEAR_MIPMAP_LINEAR, CLAMP_TO_EDGE = 9729, 9987, 33071
JSON_CHUNK, BINARY_CHUNK = 0x4E4F534A, 0x004E4942


def write_glb(mesh: Mesh, path: Path) -> None:
    """Write the mesh with normals and, where it has one, its texture; metres, y up, the front along +z.

    The texture is the base colour of a rough dielectric. Raises ConfigError where the folder cannot be written.
    """
    with atomic_path(path) as temporary:
        temporary.write_bytes(glb_bytes(mesh))


def glb_bytes(mesh: Mesh) -> bytes:
    """The mesh as the bytes of a .glb file."""
    buffer = _Buffer()
    attributes = {
        "POSITION": buffer.add_array(_float32(mesh.vertices), "VEC3", bounds=True),
        "NORMAL": buffer.add_array(_unit(_float32(vertex_normals(mesh))), "VEC3"),
    }
    document: dict[str, Any] = {
        "asset": {"version": "2.0", "generator": "dreamgaussian"},
        "scene": 0,
        "scenes": [{"nodes": [0]}],
        "nodes": [{"mesh": 0, "name": "object"}],
    }
    primitive: dict[str, Any] = {"attributes": attributes, "material": 0}
    surface: dict[str, Any] = {"metallicFactor": 0.0, "roughnessFactor": 1.0}
    if mesh.uvs is not None and mesh.albedo is not None:
        attributes["TEXCOORD_0"] = buffer.add_array(_float32(mesh.uvs), "VEC2")
        surface["baseColorTexture"] = {"index": 0}
        document["textures"] = [{"sampler": 0, "source": 0}]
        document["samplers"] = [
            {
                "magFilter": LINEAR,
                "minFilter": LINEAR_MIPMAP_LINEAR,
                "wrapS": CLAMP_TO_EDGE,
                "wrapT": CLAMP_TO_EDGE,
            }
        ]
        image = buffer.add(png_bytes(mesh.albedo))
        document["images"] = [{"bufferView": image, "mimeType": "image/png", "name": "albedo"}]
    indices = mesh.faces.numpy(force=True).astype(np.uint32).reshape(-1)
    primitive["indices"] = buffer.add_array(indices, "SCALAR", target=ELEMENT_ARRAY_BUFFER)
    document["materials"] = [{"name": "surface", "pbrMetallicRoughness": surface}]
    document["meshes"] = [{"name": "object", "primitives": [primitive]}]
    document |= {"accessors": buffer.accessors, "bufferViews": buffer.views}
    document["buffers"] = [{"byteLength": len(buffer.data)}]
    return _container(json.dumps(document, separators=(",", ":")).encode(), bytes(buffer.data))


def png_bytes(picture: Float[Tensor, "h w 3"]) -> bytes:
    """An sRGB picture in [0, 1] as an 8-bit PNG."""
    from PIL import Image

    pixels = (picture.detach().clamp(0, 1) * 255).round().byte().numpy(force=True)
    stream = io.BytesIO()
    Image.fromarray(pixels).save(stream, format="PNG")
    return stream.getvalue()


class _Buffer:
    """The binary chunk as it grows, with the views and accessors that describe it."""

    def __init__(self) -> None:
        self.data = bytearray()
        self.views: list[dict[str, Any]] = []
        self.accessors: list[dict[str, Any]] = []

    def add(self, data: bytes, target: int | None = None) -> int:
        """Append, aligned to 4 bytes; the index of the new buffer view."""
        self.data.extend(bytes(-len(self.data) % 4))
        view: dict[str, Any] = {"buffer": 0, "byteOffset": len(self.data), "byteLength": len(data)}
        self.views.append(view if target is None else view | {"target": target})
        self.data.extend(data)
        return len(self.views) - 1

    def add_array(self, array: NDArray[Any], kind: str, *, target: int = ARRAY_BUFFER, bounds: bool = False) -> int:
        """Append an array of float32 or uint32; the index of the new accessor."""
        accessor: dict[str, Any] = {
            "bufferView": self.add(array.tobytes(), target),
            "componentType": FLOAT if array.dtype == np.float32 else UNSIGNED_INT,
            "count": len(array),
            "type": kind,
        }
        if bounds:
            accessor |= {"min": array.min(axis=0).tolist(), "max": array.max(axis=0).tolist()}
        self.accessors.append(accessor)
        return len(self.accessors) - 1


def _container(document: bytes, binary: bytes) -> bytes:
    """glTF's binary container: a header and two chunks, padded to 4 bytes."""
    document += b" " * (-len(document) % 4)
    binary += bytes(-len(binary) % 4)
    length = 12 + 8 + len(document) + 8 + len(binary)
    return b"".join(
        [
            struct.pack("<4sII", b"glTF", 2, length),
            struct.pack("<II", len(document), JSON_CHUNK),
            document,
            struct.pack("<II", len(binary), BINARY_CHUNK),
            binary,
        ]
    )


def _float32(tensor: Float[Tensor, "n c"]) -> NDArray[np.float32]:
    return tensor.numpy(force=True).astype(np.float32)


def _unit(normals: NDArray[np.float32]) -> NDArray[np.float32]:
    """The normals, with those of faces without area replaced: glTF allows unit vectors only."""
    lost = np.abs(np.linalg.norm(normals, axis=1) - 1) > 1e-3
    normals[lost] = (0, 1, 0)
    return normals
