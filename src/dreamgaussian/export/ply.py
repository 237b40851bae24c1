"""Gaussians as .ply, in the layout that the 3D Gaussian splatting paper's code writes and viewers read.

One vertex holds 62 float32: x y z, nx ny nz (zero), f_dc_0..2, f_rest_0..44, opacity (logit), scale_0..2 (log),
rot_0..3 (wxyz). f_rest runs through the 15 coefficients of degrees 1 to 3 of red, then of green, then of blue.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float

from dreamgaussian.errors import InputError
from dreamgaussian.files import atomic_path
from dreamgaussian.gaussians import Gaussians

REST = 15
"""Coefficients per channel of degrees 1 to 3."""
GROUPS = {
    "means": ["x", "y", "z"],
    "normals": ["nx", "ny", "nz"],
    "dc": [f"f_dc_{i}" for i in range(3)],
    "rest": [f"f_rest_{i}" for i in range(3 * REST)],
    "opacity": ["opacity"],
    "scales": [f"scale_{i}" for i in range(3)],
    "rotations": [f"rot_{i}" for i in range(4)],
}
PROPERTIES = [name for group in GROUPS.values() for name in group]
BYTE_ORDERS = {"binary_little_endian": "<", "binary_big_endian": ">"}
TYPES = {
    **{"char": "i1", "uchar": "u1", "short": "i2", "ushort": "u2", "int": "i4", "uint": "u4"},
    **{"int8": "i1", "uint8": "u1", "int16": "i2", "uint16": "u2", "int32": "i4", "uint32": "u4"},
    **{"float": "f4", "float32": "f4", "double": "f8", "float64": "f8"},
}
MAX_HEADER = 65_536


def write_ply(gaussians: Gaussians, path: Path) -> None:
    """Write the Gaussians, in the world frame and parameterisation that they have, padded to degree 3."""
    n = len(gaussians)
    values = gaussians.detach().to(device="cpu", dtype=torch.float32)
    rest = torch.zeros(n, 3, REST)
    rest[:, :, : values.sh.shape[1] - 1] = values.sh[:, 1:].transpose(1, 2)
    columns = [values.means, torch.zeros(n, 3), values.sh[:, 0], rest.flatten(1)]
    columns += [values.opacity_logits[:, None], values.log_scales, values.quats_wxyz]
    header = ["ply", "format binary_little_endian 1.0", f"element vertex {n}"]
    header += [f"property float {name}" for name in PROPERTIES] + ["end_header\n"]
    with atomic_path(path) as temporary, temporary.open("wb") as file:
        file.write("\n".join(header).encode("ascii"))
        file.write(torch.cat(columns, dim=1).numpy().astype("<f4").tobytes())


def read_ply(path: Path) -> Gaussians:
    """Read Gaussians of any degree, byte order and order of properties; the inverse of `write_ply`.

    Degrees whose coefficients are all zero are left out. Raises `InputError` for anything that is not a whole file of
    finite Gaussians.
    """
    if not path.is_file():
        raise InputError(f"There is no file {path}. Check the path of the Gaussians.")
    with path.open("rb") as file:
        header = _read_header(file.read(MAX_HEADER), path)
        room = path.stat().st_size - header.size
        if room < header.count * header.vertex.itemsize:
            raise InputError(
                f"{path} is cut short: its header announces {header.count} Gaussians, but there is room for "
                f"{max(0, room) // header.vertex.itemsize}. Copy or export it again."
            )
        file.seek(header.size)
        vertices = np.fromfile(file, header.vertex, header.count)
    rest_names = [name for name in GROUPS["rest"] if name in header.names]
    if len(rest_names) not in (0, 9, 24, 45) or rest_names != GROUPS["rest"][: len(rest_names)]:
        raise InputError(
            f"{path} has {len(rest_names)} properties f_rest_*, which is no degree of spherical harmonics (0, 9, 24 "
            "or 45 of them). Export it again."
        )
    columns = {name: _columns(vertices, names, path) for name, names in {**GROUPS, "rest": rest_names}.items()}
    return _gaussians(columns, path)


@dataclass(frozen=True)
class _Header:
    size: int
    """Bytes, up to the first vertex."""
    count: int
    vertex: np.dtype[np.void]

    @property
    def names(self) -> tuple[str, ...]:
        return self.vertex.names or ()


def _read_header(start: bytes, path: Path) -> _Header:
    """The header in the first bytes of a file, checked to describe Gaussians."""
    end = start.find(b"end_header")
    size = start.find(b"\n", end) + 1
    if not start.startswith((b"ply\n", b"ply\r\n")) or end < 0 or size == 0:
        raise InputError(f"{path} is not a PLY file. Give a .ply of Gaussians.")
    lines = [line.split() for line in start[:end].decode("ascii", "replace").splitlines()[1:]]
    lines = [words for words in lines if words and words[0] not in ("comment", "obj_info")]
    try:
        (_, encoding, _), (_, element, count), *properties = lines
        ends = [i for i, words in enumerate(properties) if words[0] != "property"]
        fields = [(name, TYPES[kind]) for _, kind, name in properties[: ends[0] if ends else None]]
        if element != "vertex" or int(count) < 0:
            raise ValueError(f"the first element is {count} of {element}")
        if encoding not in BYTE_ORDERS:
            raise InputError(f"{path} is a PLY in {encoding} encoding. Export it as binary_little_endian.")
        vertex = np.dtype([(name, BYTE_ORDERS[encoding] + kind) for name, kind in fields])
    except (ValueError, KeyError) as error:
        raise InputError(f"{path} has a broken PLY header ({error}). Export it again.") from error
    needed = [name for key, names in GROUPS.items() if key not in ("normals", "rest") for name in names]
    missing = [name for name in needed if name not in (vertex.names or ())]
    if missing:
        raise InputError(
            f"{path} holds no Gaussians: its vertices have no {missing[0]!r}. Give an uncompressed .ply of Gaussians."
        )
    if int(count) == 0:
        raise InputError(f"{path} holds no Gaussians: it has 0 vertices. Export it again.")
    return _Header(size, int(count), vertex)


def _columns(vertices: np.ndarray, names: list[str], path: Path) -> Float[np.ndarray, "n k"]:
    """Properties side by side. Raises `InputError` where one is not finite."""
    columns = np.zeros((len(vertices), len(names)), dtype=np.float32)
    for i, name in enumerate(names):
        if name not in (vertices.dtype.names or ()):
            continue  # normals are optional
        columns[:, i] = vertices[name]
        if bad := int((~np.isfinite(columns[:, i])).sum()):
            raise InputError(f"{path} has {bad} values of {name!r} that are not finite. Export it again.")
    return columns


def _gaussians(columns: dict[str, Float[np.ndarray, "n _"]], path: Path) -> Gaussians:
    n = len(columns["means"])
    if not columns["rotations"].any(axis=1).all():
        raise InputError(f"{path} has rotations of length zero. Export it again.")
    rest = columns["rest"].reshape(n, 3, -1).transpose(0, 2, 1)
    used = np.flatnonzero(rest.any(axis=(0, 2)))
    degree = 0 if used.size == 0 else int(np.sqrt(used[-1] + 1))
    sh = np.concatenate([columns["dc"][:, None], rest[:, : (degree + 1) ** 2 - 1]], axis=1)
    return Gaussians(
        means=torch.from_numpy(columns["means"]),
        log_scales=torch.from_numpy(columns["scales"]),
        quats_wxyz=torch.from_numpy(columns["rotations"]),
        opacity_logits=torch.from_numpy(columns["opacity"][:, 0]),
        sh=torch.from_numpy(sh),
    )
