"""Reads binary Ogre meshes, versions 1.4 to 1.8 (OgreMeshFileFormat.h): nested chunks of a 16-bit identifier and a
32-bit length that counts both.
"""

import re
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Float64, Int64

MESH, SUBMESH, GEOMETRY, ELEMENT, BUFFER, BUFFER_DATA = 0x3000, 0x4000, 0x5000, 0x5110, 0x5200, 0x5210
GEOMETRY_PARTS = (0x5100, ELEMENT, BUFFER, BUFFER_DATA)
POSITION, TEXTURE_COORDINATES = 1, 7
"""Meanings of a vertex buffer's elements."""


@dataclass(frozen=True, eq=False)
class Submesh:
    """Triangles of one material; v grows downwards."""

    material: str
    vertices: Float64[np.ndarray, "v 3"]
    uvs: Float64[np.ndarray, "v 2"]
    faces: Int64[np.ndarray, "f 3"]


Vertices = tuple[np.ndarray, np.ndarray]
"""Positions [v, 3] and texture coordinates [v, 2]."""


def read_mesh(path: Path) -> list[Submesh]:
    """The submeshes of a file, in its rest pose."""
    data = path.read_bytes()
    start = data.index(b"\n") + 1
    mesh = next(begin for kind, begin, _ in _chunks(data, start, len(data)) if kind == MESH)
    chunks = list(_chunks(data, mesh + 1, len(data)))
    shared = next((_geometry(data, begin, end) for kind, begin, end in chunks if kind == GEOMETRY), None)
    return [_submesh(data, begin, end, shared) for kind, begin, end in chunks if kind == SUBMESH]


def _chunks(data: bytes, start: int, end: int) -> Iterator[tuple[int, int, int]]:
    """Identifiers, and where their contents begin and end."""
    while start + 6 <= end:
        kind, length = struct.unpack_from("<HI", data, start)
        yield kind, start + 6, min(start + length, end)
        start += max(length, 6)


def _submesh(data: bytes, start: int, end: int, shared: Vertices | None) -> Submesh:
    name = data.index(b"\n", start)
    is_shared, count, is_wide = struct.unpack_from("<?I?", data, name + 1)
    indices = np.frombuffer(data, "<u4" if is_wide else "<u2", count, name + 7)
    inside = _chunks(data, name + 7 + indices.nbytes, end)
    own = None if is_shared else next(_geometry(data, b, e) for kind, b, e in inside if kind == GEOMETRY)
    positions, uvs = own or shared or (np.zeros((0, 3)), np.zeros((0, 2)))
    return Submesh(data[start:name].decode("latin-1"), positions, uvs, indices.reshape(-1, 3).astype(np.int64))


def _geometry(data: bytes, start: int, end: int) -> Vertices:
    (count,) = struct.unpack_from("<I", data, start)
    elements: dict[int, tuple[int, int]] = {}
    buffers: dict[int, np.ndarray] = {}
    size, number, at = 0, 0, start + 4
    # Exporters write wrong lengths for nested chunks of geometry, so these are walked through flat.
    while at + 6 <= end:
        kind, length = struct.unpack_from("<HI", data, at)
        if kind not in GEOMETRY_PARTS:
            break
        at += 6
        if kind == ELEMENT:
            source, _, meaning, offset, _ = struct.unpack_from("<5H", data, at)
            elements.setdefault(meaning, (source, offset))
            at += length - 6
        elif kind == BUFFER:
            number, size = struct.unpack_from("<2H", data, at)
            at += 4
        elif kind == BUFFER_DATA:
            buffers[number] = np.frombuffer(data, np.uint8, count * size, at).reshape(count, size)
            at += count * size

    def column(meaning: int, width: int) -> np.ndarray:
        if meaning not in elements:
            return np.zeros((count, width))
        source, offset = elements[meaning]
        raw = np.ascontiguousarray(buffers[source][:, offset : offset + 4 * width])
        return raw.view("<f4").astype(np.float64)

    return column(POSITION, 3), column(TEXTURE_COORDINATES, 2)


def read_materials(text: str) -> dict[str, str]:
    """By name the bodies of the materials of a script."""
    starts = [*re.finditer(r"^\s*material\s+([^\s:]+)", text, re.MULTILINE)]
    ends = [*(start.start() for start in starts[1:]), len(text)]
    return {start[1]: text[start.end() : end] for start, end in zip(starts, ends, strict=True)}
