"""The header of a PLY file, and a bound on what it may claim: no more than the file has room for."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from dreamgaussian.core.errors import InputError

# The words of the header and numpy's names for them.
BYTE_ORDERS = {"binary_little_endian": "<", "binary_big_endian": ">", "ascii": "="}
TYPES = {
    **{"char": "i1", "uchar": "u1", "short": "i2", "ushort": "u2", "int": "i4", "uint": "u4"},
    **{"int8": "i1", "uint8": "u1", "int16": "i2", "uint16": "u2", "int32": "i4", "uint32": "u4"},
    **{"float": "f4", "float32": "f4", "double": "f8", "float64": "f8"},
}
MAX_HEADER = 65_536
"""Bytes that are searched for the header's end."""


@dataclass(frozen=True)
class PlyElement:
    """One table of the file."""

    name: str
    count: int
    row: np.dtype[np.void] | None
    """The layout of a row; None where it holds lists, whose length is in the row itself."""
    smallest_row: int
    """Bytes that a row takes at least."""


@dataclass(frozen=True)
class PlyHeader:
    """What a PLY file says of itself."""

    ascii: bool
    elements: tuple[PlyElement, ...]
    size: int
    """Bytes, up to the first row."""

    def vertices(self) -> PlyElement | None:
        """The element called vertex."""
        return next((element for element in self.elements if element.name == "vertex"), None)


def read_header(path: Path) -> PlyHeader:
    """The header of a file. Raises `InputError` for one that is broken or claims more than the file holds."""
    with path.open("rb") as file:
        start = file.read(MAX_HEADER)
    end = start.find(b"end_header")
    size = start.find(b"\n", end) + 1
    if not start.startswith((b"ply\n", b"ply\r\n")) or end < 0 or size == 0:
        raise InputError(f"{path} is not a PLY file. Give a .ply of Gaussians or of a mesh.")
    lines = [line.split() for line in start[:end].decode("ascii", "replace").splitlines()[1:]]
    lines = [words for words in lines if words and words[0] not in ("comment", "obj_info")]
    try:
        (keyword, encoding, _), *declarations = lines
        if keyword != "format" or encoding not in BYTE_ORDERS:
            raise ValueError(f"its format is {encoding!r}")
        header = PlyHeader(encoding == "ascii", _elements(declarations, encoding), size)
    except (ValueError, KeyError, IndexError) as error:
        raise InputError(f"{path} has a broken PLY header ({error}). Export it again.") from error
    _check_room(header, path)
    return header


def _elements(declarations: list[list[str]], encoding: str) -> tuple[PlyElement, ...]:
    starts = [i for i, words in enumerate(declarations) if words[0] == "element"]
    if not starts or starts[0] != 0:
        raise ValueError("a property comes before the first element")
    ends = [*starts[1:], len(declarations)]
    return tuple(
        _element(declarations[start], declarations[start + 1 : end], encoding)
        for start, end in zip(starts, ends, strict=True)
    )


def _element(declaration: list[str], properties: list[list[str]], encoding: str) -> PlyElement:
    _, name, count = declaration
    if int(count) < 0:
        raise ValueError(f"there are {count} of {name!r}")
    if int(count) > 0 and not properties:
        raise ValueError(f"{name!r} has no properties")
    order, fields, has_lists = BYTE_ORDERS[encoding], list[tuple[str, str]](), False
    for words in properties:
        if words[0] != "property":
            raise ValueError(f"{words[0]!r} is no keyword")
        if words[1] == "list":
            _, _, length, item, label = words
            has_lists = True
            fields.append((label, order + TYPES[length]))
            np.dtype(TYPES[item])
        else:
            _, kind, label = words
            fields.append((label, order + TYPES[kind]))
    row = np.dtype(fields)
    smallest = 2 * len(fields) if encoding == "ascii" else row.itemsize
    return PlyElement(name, int(count), None if has_lists else row, smallest)


def _check_room(header: PlyHeader, path: Path) -> None:
    room = path.stat().st_size - header.size
    for element in header.elements:
        # The last line of an ASCII file may lack its end.
        needed = element.count * element.smallest_row - header.ascii
        if needed > room:
            fit = max(0, room) // max(1, element.smallest_row)
            raise InputError(
                f"{path} is cut short: its header announces {element.count} of {element.name!r}, but there is room "
                f"for {fit}. Copy or export it again."
            )
        room -= max(0, needed)
    last = header.elements[-1]
    if (
        not header.ascii
        and all(element.row is not None for element in header.elements)
        and room >= max(1, last.smallest_row)
    ):
        raise InputError(
            f"{path} has a broken PLY header: it announces {last.count} of {last.name!r}, and {room} bytes follow. "
            "Export it again."
        )
