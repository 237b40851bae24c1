from dataclasses import replace
from pathlib import Path

import pytest
import torch

from dreamgaussian.core.axes import Axes
from dreamgaussian.core.errors import ConfigError, Diverged, EmptyResult, InputError
from dreamgaussian.core.gaussians import Gaussians
from dreamgaussian.core.mesh import Mesh
from dreamgaussian.formats import convert, load, load_gaussians, load_mesh, save
from dreamgaussian.formats.registry import endings, known_formats
from meshing.shapes import box

GAUSSIANS = Gaussians.in_ball(10, 0.5, torch.Generator().manual_seed(0))
MESH = Mesh(torch.eye(3), torch.tensor([[0, 1, 2]]))
FORMATS = [(GAUSSIANS if record.kind == "Gaussians" else MESH, record.ending) for record in known_formats()]


def named(value: object) -> str:
    return value if isinstance(value, str) else type(value).__name__


@pytest.mark.parametrize(("asset", "ending"), FORMATS, ids=named)
def test_what_is_saved_is_loaded_as_what_it_is(tmp_path: Path, asset: Gaussians | Mesh, ending: str) -> None:
    path = tmp_path / f"thing{ending.upper()}"
    save(asset, str(path))
    again = load(path)
    assert type(again) is type(asset)
    assert list(tmp_path.iterdir()) == [path]
    wanted, other = (load_gaussians, load_mesh) if isinstance(asset, Gaussians) else (load_mesh, load_gaussians)
    assert type(wanted(path)) is type(asset)
    with pytest.raises(InputError, match=r"not (a mesh|Gaussians)"):
        other(path)


@pytest.mark.parametrize(
    ("asset", "name", "message"),
    [
        (
            GAUSSIANS,
            "a.obj",
            r"a\.obj ends in '\.obj'\. Gaussians can be written as \.ply, \.splat, \.spz or \.glb\.",
        ),
        (MESH, "a.spz", r"a\.spz ends in '\.spz'\. A mesh can be written as \.glb, \.obj, "),
        (MESH, "a", r"a has no ending\. A mesh can be written as"),
    ],
)
def test_another_ending_is_refused_with_the_known_ones(
    tmp_path: Path, asset: Gaussians | Mesh, name: str, message: str
) -> None:
    with pytest.raises(ConfigError, match=message):
        save(asset, tmp_path / name)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(("asset", "ending"), FORMATS, ids=named)
def test_nothing_empty_or_not_finite_is_written(tmp_path: Path, asset: Gaussians | Mesh, ending: str) -> None:
    if isinstance(asset, Gaussians):
        empty: Gaussians | Mesh = asset[torch.zeros(10, dtype=torch.bool)]
        broken: Gaussians | Mesh = asset.map(lambda tensor: tensor / 0)
    else:
        empty, broken = replace(asset, faces=asset.faces[:0]), replace(asset, vertices=asset.vertices / 0)
    with pytest.raises(EmptyResult, match="There are no"):
        save(empty, tmp_path / f"a{ending}")
    with pytest.raises(Diverged, match=r"not finite\. Nothing was written"):
        save(broken, tmp_path / f"a{ending}")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", ["a.jpg", "a", "a.pickle"])
def test_a_file_of_no_known_format_is_refused(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_bytes(b"something")
    with pytest.raises(InputError, match=r"in no format that can be read\. Give one of \.ply, "):
        load(tmp_path / name)


@pytest.mark.parametrize("ending", endings())
def test_a_missing_file_is_named(tmp_path: Path, ending: str) -> None:
    with pytest.raises(InputError, match=rf"There is no file .*missing\{ending}"):
        load(tmp_path / f"missing{ending}")


def test_gaussians_go_through_every_format_and_come_back(tmp_path: Path) -> None:
    save(GAUSSIANS, tmp_path / "0.ply")
    for i, ending in enumerate([".glb", ".spz", ".splat", ".ply"]):
        last = ".ply" if i == 0 else [".glb", ".spz", ".splat"][i - 1]
        convert(tmp_path / f"{i}{last}", tmp_path / f"{i + 1}{ending}")
    again = load_gaussians(tmp_path / "4.ply")
    assert len(again) == 10
    assert again.means.norm(dim=1).sort().values.sub(GAUSSIANS.means.norm(dim=1).sort().values).abs().max() < 3e-4


@pytest.mark.parametrize(
    ("asset", "source", "target", "message"),
    [
        (GAUSSIANS, "a.ply", "b.obj", r"holds Gaussians, and \.obj files hold meshes.*dreamgaussian mesh .*a\.ply -o"),
        (MESH, "a.ply", "b.spz", r"holds a mesh, and \.spz files hold Gaussians"),
        (MESH, "a.ply", "b.xyz", r"b\.xyz ends in '\.xyz'"),
        (MESH, "a.ply", "a.ply", r"a\.ply is already there\. Choose another name, or pass --over"),
        (MESH, "a.ply", "no/b.obj", r"There is no folder .*no\. Make it, or choose another"),
    ],
)
def test_a_conversion_that_makes_no_sense_is_refused(
    tmp_path: Path, asset: Gaussians | Mesh, source: str, target: str, message: str
) -> None:
    save(asset, tmp_path / source)
    with pytest.raises(ConfigError, match=message):
        convert(tmp_path / source, tmp_path / target)
    assert [path.name for path in tmp_path.iterdir()] == [source]


def test_a_file_with_its_up_along_z_is_turned_upright(tmp_path):
    save(box((0.2, 0.4, 1.0)), tmp_path / "blender.stl")
    convert(tmp_path / "blender.stl", tmp_path / "upright.glb", axes=Axes("z+", "y-"))
    vertices = load_mesh(tmp_path / "upright.glb").vertices
    torch.testing.assert_close(vertices.amax(dim=0), torch.tensor([0.1, 0.5, 0.2]))
