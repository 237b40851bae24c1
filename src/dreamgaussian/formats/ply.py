"""Gaussians as .ply, in the layout that the 3D Gaussian splatting paper's code writes and viewers read.

After an ASCII header one vertex a Gaussian, 62 little endian float32: x y z, nx ny nz (zero), f_dc_0..2, f_rest_0..44,
opacity (logit), scale_0..2 (log), rot_0..3 (wxyz). f_rest runs through the 15 coefficients of degrees 1 to 3 of red,
then of green, then of blue.
"""

import itertools
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float

from dreamgaussian.core.errors import InputError
from dreamgaussian.core.files import atomic_path
from dreamgaussian.core.gaussians import Gaussians
from dreamgaussian.formats.ply_header import read_header

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


def holds(path: Path) -> bool:
    """Whether the vertices of a .ply are Gaussians. Raises InputError for what is not a PLY file."""
    vertices = read_header(path).vertices()
    return vertices is not None and vertices.row is not None and "f_dc_0" in (vertices.row.names or ())


def read(path: Path) -> Gaussians:
    """Read Gaussians of any degree, encoding, byte order and order of properties; the inverse of `write`.

    Degrees whose coefficients are all zero are left out. Raises InputError for what is not a whole file of Gaussians.
    """
    vertices = _read_vertices(path)
    names = vertices.dtype.names or ()
    needed = {key: group for key, group in GROUPS.items() if key not in ("normals", "rest")}
    missing = [name for group in needed.values() for name in group if name not in names]
    if missing:
        raise InputError(
            f"{path} holds no Gaussians: its vertices have no {missing[0]!r}. Give an uncompressed .ply of Gaussians."
        )
    rest_names = [name for name in GROUPS["rest"] if name in names]
    if len(rest_names) not in (0, 9, 24, 45) or rest_names != GROUPS["rest"][: len(rest_names)]:
        raise InputError(
            f"{path} has {len(rest_names)} properties f_rest_*, which is no degree of spherical harmonics (0, 9, 24 "
            "or 45 of them). Export it again."
        )
    return _gaussians({key: _columns(vertices, group) for key, group in {**needed, "rest": rest_names}.items()})


def write(gaussians: Gaussians, path: Path) -> None:
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


def _read_vertices(path: Path) -> np.ndarray:
    """The rows of the element `vertex`, whose fields are its properties."""
    header = read_header(path)
    vertices = header.vertices()
    if vertices is None or vertices.count == 0 or vertices.row is None:
        raise InputError(f"{path} holds no Gaussians: it has no vertices with properties. Export it again.")
    before = header.elements[: header.elements.index(vertices)]
    if any(element.row is None for element in before):
        raise InputError(f"{path} has lists before its vertices. Export it again, with the vertices first.")
    with path.open("rb") as file:
        if not header.ascii:
            file.seek(header.size + sum(element.count * element.smallest_row for element in before))
            return np.fromfile(file, vertices.row, vertices.count)
        file.seek(header.size)
        lines = itertools.islice(file, sum(element.count for element in before), None)
        try:
            rows = np.loadtxt(itertools.islice(lines, vertices.count), vertices.row, ndmin=1)
        except ValueError as error:
            raise InputError(f"{path} has a row that is no row of numbers ({error}). Export it again.") from error
        if vertices is header.elements[-1] and next(lines, "").strip():
            raise InputError(f"{path} has more rows than the {vertices.count} that its header announces.")
    if len(rows) != vertices.count:
        raise InputError(f"{path} is cut short: it has {len(rows)} of {vertices.count} rows. Copy or export it again.")
    return rows


def _columns(vertices: np.ndarray, names: list[str]) -> Float[np.ndarray, "n k"]:
    """Properties side by side."""
    columns = np.zeros((len(vertices), len(names)), dtype=np.float32)
    for i, name in enumerate(names):
        columns[:, i] = vertices[name]
    return columns


def _gaussians(columns: dict[str, Float[np.ndarray, "n _"]]) -> Gaussians:
    rest = columns["rest"].reshape(len(columns["means"]), 3, -1).transpose(0, 2, 1)
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
