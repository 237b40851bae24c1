import random
from pathlib import Path

import gsply
import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from trimesh.exchange.ply import load_ply

from dreamgaussian.core.errors import ConfigError, InputError
from dreamgaussian.core.gaussians import Gaussians
from dreamgaussian.formats import load_gaussians, ply, save
from dreamgaussian.formats.ply import PROPERTIES


def some_gaussians(n: int = 20, degree: int = 0, seed: int = 0) -> Gaussians:
    generator = torch.Generator().manual_seed(seed)
    shapes = {"means": (3,), "log_scales": (3,), "quats_wxyz": (4,), "opacity_logits": (), "sh": ((degree + 1) ** 2, 3)}
    return Gaussians(**{name: torch.randn(n, *shape, generator=generator) for name, shape in shapes.items()})


def equal(a: Gaussians, b: Gaussians) -> bool:
    return all(torch.equal(x, y) for x, y in zip(a.tensors().values(), b.tensors().values(), strict=True))


def written(tmp_path: Path, gaussians: Gaussians) -> Path:
    ply.write(gaussians, tmp_path / "gaussians.ply")  # without the checks of `save`
    return tmp_path / "gaussians.ply"


@pytest.mark.parametrize("degree", [0, 1, 2, 3])
def test_what_is_written_is_read_back_exactly(tmp_path: Path, degree: int) -> None:
    gaussians = some_gaussians(degree=degree)
    assert equal(load_gaussians(written(tmp_path, gaussians)), gaussians)


def test_coefficients_that_are_all_zero_are_left_out_again(tmp_path: Path) -> None:
    gaussians = some_gaussians(degree=3)
    gaussians.sh[:, 4:] = 0
    assert load_gaussians(written(tmp_path, gaussians)).sh_degree == 1


def vertices_by_trimesh(path: Path) -> np.ndarray:
    with path.open("rb") as file:
        return load_ply(file)["metadata"]["_ply_raw"]["vertex"]["data"]


@pytest.mark.parametrize("degree", [0, 3])
def test_an_independent_reader_finds_every_value_under_its_name(tmp_path: Path, degree: int) -> None:
    gaussians = some_gaussians(degree=degree)
    vertex = vertices_by_trimesh(written(tmp_path, gaussians))
    assert list(vertex.dtype.names or ()) == PROPERTIES
    assert {vertex.dtype[name].str for name in PROPERTIES} == {"<f4"}
    rest = torch.zeros(20, 15, 3)
    rest[:, : gaussians.sh.shape[1] - 1] = gaussians.sh[:, 1:]
    named = {
        "x": gaussians.means[:, 0],
        "z": gaussians.means[:, 2],
        "ny": torch.zeros(20),
        "f_dc_1": gaussians.sh[:, 0, 1],
        "f_rest_0": rest[:, 0, 0],
        "f_rest_14": rest[:, 14, 0],
        "f_rest_15": rest[:, 0, 1],  # the second channel starts after the whole first one
        "f_rest_44": rest[:, 14, 2],
        "opacity": gaussians.opacity_logits,
        "scale_2": gaussians.log_scales[:, 2],
        "rot_0": gaussians.quats_wxyz[:, 0],  # w
        "rot_3": gaussians.quats_wxyz[:, 3],
    }
    for name, expected in named.items():
        np.testing.assert_array_equal(vertex[name], expected.numpy(), err_msg=name)


def test_a_gaussian_takes_248_bytes_as_viewers_expect(tmp_path: Path) -> None:
    content = written(tmp_path, some_gaussians(n=7)).read_bytes()
    header, _, body = content.partition(b"end_header\n")
    assert len(body) == 7 * 248
    assert header.startswith(b"ply\nformat binary_little_endian 1.0\nelement vertex 7\nproperty float x\n")


def test_the_same_gaussians_give_the_same_bytes(tmp_path: Path) -> None:
    first = written(tmp_path, some_gaussians()).read_bytes()
    assert written(tmp_path, some_gaussians()).read_bytes() == first


@pytest.mark.parametrize("byte_order", ["<", ">"])
@pytest.mark.parametrize("kind", ["f4", "f8"])
def test_other_peoples_layouts_are_read(tmp_path: Path, byte_order: str, kind: str) -> None:
    gaussians = some_gaussians(degree=1)
    columns = vertices_by_trimesh(written(tmp_path, gaussians))
    rest = gaussians.sh[:, 1:].transpose(1, 2).flatten(1).numpy()  # nine of them, not padded
    names = [n for n in PROPERTIES if n not in ("nx", "ny", "nz") and not n.startswith("f_rest")]
    random.Random(0).shuffle(names)
    names += [f"f_rest_{i}" for i in range(9)]
    table = np.zeros(20, [(name, byte_order + kind) for name in [*names, "extra"]])
    for name in names:
        table[name] = rest[:, int(name[7:])] if name.startswith("f_rest") else columns[name]
    encoding = {"<": "little", ">": "big"}[byte_order]
    words = {"f4": "float32", "f8": "double"}[kind]
    header = ["ply", f"format binary_{encoding}_endian 1.0", "comment by hand", "obj_info none", "element vertex 20"]
    header += [f"property {words} {name}" for name in table.dtype.names or ()]
    header += ["element face 1", "property list uchar int vertex_indices", "end_header", ""]
    path = tmp_path / "other.ply"
    path.write_bytes("\r\n".join(header).encode() + table.tobytes() + b"\3" + bytes(12))
    assert equal(load_gaussians(path), gaussians)


def replaced(tmp_path: Path, old: bytes, new: bytes) -> Path:
    path = written(tmp_path, some_gaussians())
    content = path.read_bytes()
    assert old in content
    path.write_bytes(content.replace(old, new, 1))
    return path


HEADER_LIES = [
    (b"element vertex 20", b"element vertex 21", r"announces 21 of 'vertex', but there is room for 20"),
    (b"element vertex 20", b"element vertex 99999999999999", r"is cut short: its header announces 99999999999999"),
    (b"element vertex 20", b"element vertex -1", "broken PLY header"),
    (b"element vertex 20", b"element vertex many", "broken PLY header"),
    (b"element vertex 20", b"element vertex 0", r"announces 0 of 'vertex', and 4960 bytes follow"),
    (b"element vertex 20", b"element vertex 19", r"announces 19 of 'vertex', and 248 bytes follow"),
    (b"element vertex 20", b"element face 20", "holds a mesh, not Gaussians"),
    (b"element vertex 20\n", b"", "broken PLY header"),
    (b"property float x\n", b"property list uchar float x\n", "holds a mesh, not Gaussians"),
    (b"property float x\n", b"property quaternion x\n", "broken PLY header"),
    (b"property float x\n", b"property float y\n", "broken PLY header"),
    (b"property float opacity\n", b"", "holds no Gaussians: its vertices have no 'opacity'"),
    (b"property float rot_3\n", b"property float rot_9\n", "its vertices have no 'rot_3'"),
    (b"property float f_rest_44\n", b"property float other\n", "has 44 properties f_rest_"),
    (b"binary_little_endian", b"ascii", "a row that is no row of numbers"),
    (b"binary_little_endian", b"binary_middle_endian", "its format is 'binary_middle_endian'"),
    (b"end_header", b"end_hedaer", "is not a PLY file"),
    (b"ply\n", b"plu\n", "is not a PLY file"),
]


@pytest.mark.parametrize(("old", "new", "message"), HEADER_LIES)
def test_a_lying_header_is_found_out(tmp_path: Path, old: bytes, new: bytes, message: str) -> None:
    with pytest.raises(InputError, match=message) as caught:
        load_gaussians(replaced(tmp_path, old, new))
    assert "gaussians.ply" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_more_rows_than_an_ascii_header_announces_are_refused(tmp_path: Path) -> None:
    names = [name for name in PROPERTIES if not name.startswith(("n", "f_rest"))]
    header = [
        "ply",
        "format ascii 1.0",
        "element vertex 1",
        *(f"property float {name}" for name in names),
        "end_header",
    ]
    row = " ".join(["1"] * len(names))
    (tmp_path / "a.ply").write_text("\n".join([*header, row, ""]))
    assert len(load_gaussians(tmp_path / "a.ply")) == 1
    (tmp_path / "a.ply").write_text("\n".join([*header, row, row, ""]))
    with pytest.raises(InputError, match="more rows than the 1 that its header announces"):
        load_gaussians(tmp_path / "a.ply")


def test_a_truncated_file_is_refused(tmp_path: Path) -> None:
    path = written(tmp_path, some_gaussians())
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(InputError, match=r"announces 20 of .vertex., but there is room for 19\. Copy"):
        load_gaussians(path)


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -float("inf")])
@pytest.mark.parametrize("name", ["means", "sh", "opacity_logits"])
def test_values_that_are_not_finite_are_refused_by_name(tmp_path: Path, name: str, value: float) -> None:
    gaussians = some_gaussians(degree=2)
    tensor = getattr(gaussians, name)
    tensor[(3, 5, 0) if name == "sh" else (3, 0)[: tensor.ndim]] = value
    with pytest.raises(InputError, match=rf"has 1 values of '{name}' that are not finite"):
        load_gaussians(written(tmp_path, gaussians))


def test_rotations_of_length_zero_are_refused(tmp_path: Path) -> None:
    gaussians = some_gaussians()
    gaussians.quats_wxyz[4] = 0
    with pytest.raises(InputError, match="has rotations of length zero"):
        load_gaussians(written(tmp_path, gaussians))


@pytest.mark.parametrize("name", ["missing.ply", "folder.ply"])
def test_a_missing_file_is_named(tmp_path: Path, name: str) -> None:
    (tmp_path / "folder.ply").mkdir()
    with pytest.raises(InputError, match=r"There is no file .*\. Check its path"):
        load_gaussians(tmp_path / name)


def test_a_failed_write_leaves_the_old_file_and_nothing_else(tmp_path: Path) -> None:
    path = written(tmp_path, some_gaussians())
    before = path.read_bytes()
    broken = Gaussians(**{**some_gaussians().tensors(), "sh": torch.zeros(20, 25, 3)})
    with pytest.raises(RuntimeError):
        save(broken, path)
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]


def test_a_folder_that_is_not_there_is_no_place_to_write(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"cannot be written"):
        save(some_gaussians(), tmp_path / "no" / "gaussians.ply")


@settings(deadline=None, max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(seed=st.integers(0, 2**32), count=st.integers(1, 12))
def test_a_damaged_header_is_read_or_refused_in_one_line(tmp_path: Path, seed: int, count: int) -> None:
    damage = random.Random(seed)
    path = written(tmp_path, some_gaussians(n=3))
    content = bytearray(path.read_bytes())
    header_size = content.index(b"end_header") + 11
    for _ in range(count):
        place = damage.randrange(header_size if damage.random() < 0.9 else len(content))
        content[place] = damage.choice(b"\n\r\0 0123456789abcdefxyz_\xff")
    path.write_bytes(content)
    message = ""
    try:
        load_gaussians(path)
    except InputError as error:
        message = str(error)
    assert "\n" not in message


def test_an_ascii_file_is_read(tmp_path: Path) -> None:
    gaussians = some_gaussians(degree=1)
    columns = vertices_by_trimesh(written(tmp_path, gaussians))
    header = ["ply", "format ascii 1.0", "element camera 1", "property float fov", "element vertex 20"]
    header += [f"property float {name}" for name in PROPERTIES] + ["end_header", "49.1"]
    rows = [" ".join(f"{value:.9g}" for value in row) for row in columns.tolist()]
    (tmp_path / "ascii.ply").write_text("\n".join([*header, *rows]))
    assert equal(load_gaussians(tmp_path / "ascii.ply"), gaussians)


@pytest.mark.parametrize("degree", [0, 3])
def test_a_file_of_an_independent_writer_is_read(tmp_path: Path, degree: int) -> None:
    gaussians = some_gaussians(degree=degree)
    theirs = gsply.plyread(str(written(tmp_path, gaussians)))
    np.testing.assert_array_equal(theirs.means, gaussians.means)
    gsply.plywrite(str(tmp_path / "theirs.ply"), theirs)
    assert equal(load_gaussians(tmp_path / "theirs.ply"), gaussians)
