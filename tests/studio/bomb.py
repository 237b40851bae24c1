"""An image that would fill the memory, were it decoded."""

import struct
import zlib
from pathlib import Path


def bomb(path: Path, width: int, height: int) -> Path:
    """A PNG file of a few bytes that says it is huge, and holds nothing: who decodes it finds it broken."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 6, 0, 0, 0))
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + header + chunk(b"IDAT", zlib.compress(b"")) + chunk(b"IEND", b""))
    return path
