"""Gaussians as .spz, Niantic's compressed format (github.com/nianticlabs/spz): about a tenth of a .ply.

Versions 2 and 3 are one gzip stream, version 4 is a header, a table of sizes and a zstd stream for each attribute. In
all of them the attributes of all Gaussians follow one after the other; bytes for each Gaussian:

    positions   9  three times 24 bits, signed fixed point
    opacities   1  255 x opacity
    colours     3  255 (0.5 + 0.15 x coefficient of degree 0)
    scales      3  16 (10 + logarithm of the standard deviation)
    rotations   4  the smallest three components (version 2: 3 bytes, x, y, z)
    harmonics      128 + 128 x coefficient, red, green, blue of one after the other: 9, 24 or 45 of them

Version 3 is written, which keeps rotations more exactly than 2 and needs no zstd as 4 does. The frame is OpenGL's, as
ours.
"""

import gzip
import math
import struct
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import torch
from jaxtyping import Float, UInt8, UInt32
from numpy.typing import NDArray
from torch.nn.functional import normalize

from dreamgaussian.core.errors import InputError
from dreamgaussian.core.files import atomic_path
from dreamgaussian.core.gaussians import Gaussians
from dreamgaussian.formats.libraries import ZSTANDARD
from dreamgaussian.formats.splat import logit_of_byte

HEADER = struct.Struct("<4sIIBBBB")
"""16 bytes: magic, version, count, degree of the harmonics, fractional bits of the positions, flags, reserved."""
HEADER_4 = struct.Struct("<4sIIBBBBI12x")
"""32 bytes: magic, version, count, degree, fractional bits, flags, number of streams, where the table starts."""
SIZES_4 = struct.Struct("<QQ")
"""A row of the table: packed and unpacked bytes of a stream."""
MAGIC = b"NGSP"
ALWAYS_READ = 1_000_000
"""Gaussians. More than these, in different places, are never packed into less than a byte each: a file that says so
would fill the memory with nothing."""
FRACTIONAL_BITS = 12
"""Of the positions that are written, where the scene allows: steps of 1/4096."""
COLOR_SCALE = 0.15
"""A byte of colour is 255 (0.5 + 0.15 x coefficient). A colour is 0.5 + 0.28 x coefficient: what lies a little beyond
[0, 1] is kept."""
LARGEST = 511
"""A component of a rotation is 9 bits of magnitude, in units of sqrt(1/2) / 511, and a sign: none but the largest of a
unit quaternion is beyond sqrt(1/2)."""


def read(path: Path) -> Gaussians:
    """Read Gaussians of versions 2 to 4, of which 4 needs zstandard."""
    content = path.read_bytes()
    count, degree, bits, version, body = (_streams if content.startswith(MAGIC) else _one_stream)(content)
    size = _body_size(count, degree, version)
    if len(body) < size:
        raise InputError(f"{path} is cut short: it has {len(body)} of {size} bytes. Copy or export it again.")
    k = (degree + 1) ** 2 - 1
    turn = 4 if version > 2 else 3
    position, opacity, color, scale, rotation, rest = np.split(
        np.frombuffer(body, np.uint8), np.cumsum([9 * count, count, 3 * count, 3 * count, turn * count])
    )
    fixed = np.zeros((count, 3, 4), np.uint8)
    fixed[..., 1:] = position.reshape(count, 3, 3)  # in the upper bytes, for the sign
    quats_wxyz = (_smallest_three if version > 2 else _first_three)(rotation.reshape(count, turn))
    return Gaussians(
        means=torch.from_numpy((fixed.view("<i4")[..., 0] >> 8).astype(np.float32)) / 2**bits,
        log_scales=_floats(scale).reshape(count, 3) / 16 - 10,
        quats_wxyz=torch.from_numpy(quats_wxyz.astype(np.float32)),
        opacity_logits=logit_of_byte(_floats(opacity) / 255),
        sh=torch.cat(
            [
                (_floats(color).reshape(count, 1, 3) / 255 - 0.5) / COLOR_SCALE,
                (_floats(rest).reshape(count, k, 3) - 128) / 128,
            ],
            dim=1,
        ),
    )


def write(gaussians: Gaussians, path: Path) -> None:
    """Write the Gaussians, every value rounded as the format has it (docs/formats.md says how far)."""
    values = gaussians.detach().to(device="cpu", dtype=torch.float32)
    reach = float(values.means.abs().max()) if len(values) else 0.0
    # As many fractional bits as the furthest mean leaves of 24, one of which is its sign.
    bits = max(0, min(FRACTIONAL_BITS, math.floor(math.log2((2**23 - 1) / max(reach, 1.0)))))
    fixed = (values.means * 2**bits).round().clamp(-(2**23), 2**23 - 1).int().numpy().astype("<i4")
    streams = [
        fixed[..., None].view(np.uint8)[..., :3],  # the lower three of four bytes
        _byte(values.opacities * 255),
        _byte((values.sh[:, 0] * COLOR_SCALE + 0.5) * 255),
        _byte((values.log_scales + 10) * 16),
        _packed_rotations(normalize(values.quats_wxyz, dim=1).numpy()),
        _byte(values.sh[:, 1:] * 128 + 128),
    ]
    header = HEADER.pack(MAGIC, 3, len(values), values.sh_degree, bits, 0, 0)
    with atomic_path(path) as temporary:
        temporary.write_bytes(gzip.compress(header + b"".join(stream.tobytes() for stream in streams), mtime=0))


def _one_stream(content: bytes) -> tuple[int, int, int, int, bytes]:
    """Versions 2 and 3: count, degree, fractional bits, version, and the attributes of the length these ask for."""
    inflate = zlib.decompressobj(wbits=31)  # gzip
    magic, version, count, degree, bits, _, _ = HEADER.unpack(inflate.decompress(content, HEADER.size))
    if magic != MAGIC or version not in (2, 3):
        raise ValueError(f"its header has version {version}")
    _check_header(count, degree, bits, len(content))
    size = _body_size(count, degree, version)
    return count, degree, bits, version, inflate.decompress(inflate.unconsumed_tail, size) if size else b""


def _streams(content: bytes) -> tuple[int, int, int, int, bytes]:
    """The same of version 4, in which each attribute is a zstd stream of its own."""
    ZSTANDARD.require(".spz of version 4")
    import zstandard

    _, version, count, degree, bits, _, number, table = HEADER_4.unpack_from(content)
    if version != 4:
        raise ValueError(f"its header has version {version}")
    _check_header(count, degree, bits, len(content))
    left, start, streams = _body_size(count, degree, version), table + SIZES_4.size * number, list[bytes]()
    for i in range(number):
        packed, _ = SIZES_4.unpack_from(content, table + SIZES_4.size * i)
        try:
            with zstandard.ZstdDecompressor().stream_reader(content[start : start + packed]) as stream:
                streams.append(stream.read(left))
        except zstandard.ZstdError as error:
            raise ValueError(str(error)) from error
        start, left = start + packed, left - len(streams[-1])
    return count, degree, bits, version, b"".join(streams)


def _check_header(count: int, degree: int, bits: int, size: int) -> None:
    if degree > 3 or bits > 23:
        raise ValueError(f"its header has degree {degree}, {bits} fractional bits")
    if count > max(ALWAYS_READ, size):
        raise ValueError(f"its header announces {count} Gaussians in {size} bytes")


def _body_size(count: int, degree: int, version: int) -> int:
    """Bytes of all attributes."""
    return count * (16 + (4 if version > 2 else 3) + 3 * ((degree + 1) ** 2 - 1))


def _byte(values: torch.Tensor) -> NDArray[np.uint8]:
    return values.round().clamp(0, 255).byte().numpy()


def _floats(stream: NDArray[np.uint8]) -> torch.Tensor:
    return torch.from_numpy(stream.astype(np.float32))


def _packed_rotations(quats_wxyz: Float[np.ndarray, "n 4"]) -> UInt32[np.ndarray, " n"]:
    """The place of the largest component (of xyzw) in the top two bits, then ten bits for each of the others."""
    xyzw = np.roll(quats_wxyz, -1, axis=1)
    largest = np.abs(xyzw).argmax(axis=1)
    rows = np.arange(len(xyzw))
    xyzw = xyzw * np.where(xyzw[rows, largest] < 0, -1, 1)[:, None]
    packed = largest.astype(np.uint32)
    magnitudes = np.floor(np.abs(xyzw) * (LARGEST * math.sqrt(2)) + 0.5).astype(np.uint32)
    codes = (xyzw < 0).astype(np.uint32) << 9 | np.minimum(magnitudes, LARGEST)
    for i in range(4):
        packed = np.where(largest == i, packed, packed << 10 | codes[:, i])
    return packed.astype("<u4")


def _smallest_three(packed: UInt8[np.ndarray, "n 4"]) -> NDArray[Any]:
    """The inverse of `_packed_rotations`."""
    word = packed.view("<u4")[:, 0].copy()
    largest = word >> 30
    xyzw = np.zeros((len(word), 4))
    for i in (3, 2, 1, 0):
        magnitude = (word & LARGEST) / (LARGEST * math.sqrt(2))
        here = largest != i
        xyzw[here, i] = np.where(word >> 9 & 1, -magnitude, magnitude)[here]
        word = np.where(here, word >> 10, word)
    xyzw[np.arange(len(word)), largest] = np.sqrt(np.maximum(0, 1 - (xyzw**2).sum(axis=1)))
    return np.roll(xyzw, 1, axis=1)


def _first_three(packed: UInt8[np.ndarray, "n 3"]) -> NDArray[Any]:
    """Version 2: x, y, z in a byte each; w is not negative."""
    xyz = packed / 127.5 - 1
    w = np.sqrt(np.maximum(0, 1 - (xyz**2).sum(axis=1, keepdims=True)))
    return np.concatenate([w, xyz], axis=1)
