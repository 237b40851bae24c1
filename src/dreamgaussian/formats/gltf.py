"""Binary glTF 2.0 files: the container, and the arrays in it."""

import base64
import json
import struct
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from dreamgaussian.core.errors import InputError

# Numbers from the specification, https://registry.khronos.org/glTF/specs/2.0/glTF-2.0.html
COMPONENT_TYPES = {"int8": 5120, "uint8": 5121, "int16": 5122, "uint16": 5123, "uint32": 5125, "float32": 5126}
DTYPES = {number: np.dtype(name).newbyteorder("<") for name, number in COMPONENT_TYPES.items()}
KINDS = {1: "SCALAR", 2: "VEC2", 3: "VEC3", 4: "VEC4"}
ARRAY_BUFFER, ELEMENT_ARRAY_BUFFER = 34962, 34963
JSON_CHUNK, BINARY_CHUNK = 0x4E4F534A, 0x004E4942
MESHOPT, QUANTIZATION, WEBP = "EXT_meshopt_compression", "KHR_mesh_quantization", "EXT_texture_webp"
HEADER = struct.Struct("<4sII")
"""12 bytes at the start of a .glb: `glTF`, version 2, length of the whole file."""
CHUNK = struct.Struct("<II")
"""8 bytes before each chunk, of which there are two, JSON and binary: length of what follows, kind."""

Document = dict[str, Any]


class GltfBuffer:
    """The binary chunk as it grows, with the views and accessors that describe it."""

    def __init__(self, *, meshopt: bool = False) -> None:
        self.data = bytearray()
        self.views: list[Document] = []
        self.accessors: list[Document] = []
        self._meshopt = meshopt
        self._unpacked_size = 0

    def add(self, data: bytes) -> int:
        """Append bytes at a multiple of 4; returns the index of the new buffer view."""
        self.views.append({"buffer": 0, "byteOffset": self._append(data), "byteLength": len(data)})
        return len(self.views) - 1

    def add_attribute(self, array: NDArray[Any], *, normalized: bool = False, bounds: bool = False) -> int:
        """Append a number or a row of 2 to 4 numbers for each vertex.

        Args:
            array: [n] or [n, 1 to 4], of a type that glTF has.
            normalized: its integers stand for numbers in [0, 1] or, signed, in [-1, 1].
            bounds: say the smallest and largest numbers, as glTF wants of positions.

        Returns:
            The index of the new accessor.
        """
        rows = array.reshape(len(array), -1)
        padding = -rows.shape[1] * rows.itemsize % 4 // rows.itemsize  # rows start at multiples of 4 bytes
        padded = np.ascontiguousarray(np.pad(rows, ((0, 0), (0, padding))))
        stride = padded.shape[1] * padded.itemsize
        view = self._add_array(padded, "ATTRIBUTES", stride) | {"target": ARRAY_BUFFER}
        accessor = self._accessor(rows, view | {"byteStride": stride} if padding else view)
        if normalized:
            accessor["normalized"] = True
        if bounds:
            accessor |= {"min": rows.min(axis=0).tolist(), "max": rows.max(axis=0).tolist()}
        return len(self.accessors) - 1

    def add_triangles(self, faces: NDArray[Any], vertex_count: int) -> int:
        """Append triangles' corners, in 16 bits where these do; returns the index of the new accessor."""
        indices = faces.reshape(-1, 1).astype(np.uint16 if vertex_count < 2**16 else np.uint32)
        view = self._add_array(indices, "TRIANGLES", indices.itemsize) | {"target": ELEMENT_ARRAY_BUFFER}
        self._accessor(indices, view)
        return len(self.accessors) - 1

    def put_into(self, document: Document) -> None:
        """Describe the buffer in the document."""
        document |= {"accessors": self.accessors, "bufferViews": self.views}
        buffers: list[Document] = [{"byteLength": len(self.data)}]
        if self._meshopt:
            # What the arrays would fill uncompressed; the extension wants it declared, not stored.
            buffers.append({"byteLength": self._unpacked_size, "extensions": {MESHOPT: {"fallback": True}}})
        document["buffers"] = buffers

    def _append(self, data: bytes) -> int:
        self.data.extend(bytes(-len(self.data) % 4))
        self.data.extend(data)
        return len(self.data) - len(data)

    def _add_array(self, rows: NDArray[Any], mode: Literal["ATTRIBUTES", "TRIANGLES"], stride: int) -> Document:
        """The view of an array that is stored, packed or as it is."""
        if not self._meshopt:
            return {"buffer": 0, "byteOffset": self._append(rows.tobytes()), "byteLength": rows.nbytes}
        from meshopt import encode_gltf_buffer

        packed = encode_gltf_buffer(rows[:, 0] if mode == "TRIANGLES" else rows, mode)
        place = {"buffer": 0, "byteOffset": self._append(packed), "byteLength": len(packed)}
        offset = self._unpacked_size
        self._unpacked_size += rows.nbytes + -rows.nbytes % 4
        packing = place | {"byteStride": stride, "count": len(rows), "mode": mode}
        return {"buffer": 1, "byteOffset": offset, "byteLength": rows.nbytes, "extensions": {MESHOPT: packing}}

    def _accessor(self, rows: NDArray[Any], view: Document) -> Document:
        self.views.append(view)
        accessor = {
            "bufferView": len(self.views) - 1,
            "componentType": COMPONENT_TYPES[rows.dtype.name],
            "count": len(rows),
            "type": KINDS[rows.shape[1]],
        }
        self.accessors.append(accessor)
        return accessor


def container(document: Document, binary: bytes) -> bytes:
    """glTF's binary container: a header and two chunks, whose length is a multiple of 4 bytes."""
    text = json.dumps(document, separators=(",", ":"), allow_nan=False).encode()
    text += b" " * (-len(text) % 4)
    binary += bytes(-len(binary) % 4)
    length = HEADER.size + CHUNK.size + len(text) + CHUNK.size + len(binary)
    chunks = [CHUNK.pack(len(text), JSON_CHUNK), text, CHUNK.pack(len(binary), BINARY_CHUNK), binary]
    return HEADER.pack(b"glTF", 2, length) + b"".join(chunks)


def read_container(path: Path) -> tuple[Document, bytes]:
    """The document and the binary chunk of a .glb.

    Raises InputError for a file that is cut short or no .glb, ValueError and others for a broken one. No accessor of
    the document announces more elements than the file has bytes, so that reading it takes memory in proportion.
    """
    content = path.read_bytes()
    if not content.startswith(b"glTF"):
        raise InputError(f"{path} is no binary glTF file: it does not start with 'glTF'. Export it again as .glb.")
    _, version, length = HEADER.unpack_from(content)
    text_length, text_kind = CHUNK.unpack_from(content, HEADER.size)
    start = HEADER.size + CHUNK.size
    if length > len(content) or start + text_length > length:
        raise InputError(f"{path} is cut short: it has {len(content)} of {length} bytes. Copy or export it again.")
    if version != 2 or text_kind != JSON_CHUNK:
        raise ValueError(f"version {version}")
    document = json.loads(content[start : start + text_length])
    if any(accessor["count"] > len(content) or accessor["count"] < 0 for accessor in document.get("accessors", [])):
        raise ValueError("an accessor has more elements than the file has bytes")
    if not all(isinstance(document.get(key, []), list) for key in ("extensionsUsed", "extensionsRequired")):
        raise ValueError("its extensions are no list")
    return _inlined(document, content[start + text_length + CHUNK.size : length])


def _inlined(document: Document, binary: bytes) -> tuple[Document, bytes]:
    """The document and chunk with buffers that are written out in the document at the end of the chunk.

    Views of buffers in other files get the number -1.
    """
    data, starts = bytearray(binary), {0: 0}
    for i, buffer in enumerate(document.get("buffers", [])):
        if buffer.get("uri", "").startswith("data:"):
            data.extend(bytes(-len(data) % 4))
            starts[i] = len(data)
            data.extend(data_of(buffer["uri"]))
        elif "uri" in buffer:
            starts.pop(i, None)
    views = [
        {**view, "buffer": 0, "byteOffset": view.get("byteOffset", 0) + starts[view["buffer"]]}
        if view["buffer"] in starts
        else {**view, "buffer": -1}
        for view in document.get("bufferViews", [])
    ]
    return {**document, "bufferViews": views}, bytes(data)


def data_of(uri: str) -> bytes:
    """What a `data:` address holds. Raises ValueError for any other address."""
    if not uri.startswith("data:"):
        raise ValueError(f"it needs the file {uri[:100]!r}. Pack it into the .glb")
    return base64.b64decode(uri.partition(",")[2])


def accessor_array(
    document: Document, binary: bytes, index: int, columns: int, dtype: Any = np.float32
) -> NDArray[Any]:
    """The rows of an accessor as numbers of a type, normalized integers brought to [-1, 1].

    Raises KeyError, IndexError, TypeError or ValueError for one that is not plain data in the binary chunk, with so
    many columns.
    """
    accessor = document["accessors"][index]
    if accessor["type"] != KINDS[columns]:
        raise ValueError(f"an accessor holds {accessor['type']}, not {KINDS[columns]}")
    view = document["bufferViews"][accessor["bufferView"]] if "bufferView" in accessor else {"buffer": -1}
    if view["buffer"] != 0 or view.get("extensions") or "sparse" in accessor:
        raise ValueError("compressed, sparse or external data is not read")
    stored = DTYPES[accessor["componentType"]]
    offset = view.get("byteOffset", 0) + accessor.get("byteOffset", 0)
    row = columns * stored.itemsize
    stride, count = view.get("byteStride", row), accessor["count"]
    if offset < 0 or stride < row or count < 1 or offset + (count - 1) * stride + row > len(binary):
        raise ValueError("an accessor reaches beyond the binary chunk")
    rows = np.ndarray((count, columns), stored, binary, offset, (stride, stored.itemsize)).astype(dtype)
    return np.maximum(rows / np.iinfo(stored).max, -1).astype(dtype) if accessor.get("normalized") else rows
