from pathlib import Path

import pytest
import torch
import trimesh

from dreamgaussian.core.camera import Camera
from dreamgaussian.core.mesh import Mesh
from dreamgaussian.formats import save
from dreamgaussian.raster.mesh import render_mesh
from formats.test_glb import reread, textured  # noqa: F401
from meshing.shapes import sphere, trimesh_of


def test_a_reread_file_looks_the_same(textured: Mesh, tmp_path: Path):  # noqa: F811
    save(textured, tmp_path / "ball.obj")
    again = reread(tmp_path / "ball.obj")
    for azimuth in (0, 120, 240):
        camera = Camera.orbit(azimuth, 20, 64)
        ours, theirs = render_mesh(textured, camera), render_mesh(again, camera)
        torch.testing.assert_close(theirs.color, ours.color, atol=0.01, rtol=0)


def test_three_files_are_written_beside_each_other(textured: Mesh, tmp_path: Path):  # noqa: F811
    save(textured, tmp_path / "ball.obj")
    assert {file.name for file in tmp_path.iterdir()} == {"ball.obj", "ball.mtl", "ball_albedo.png"}


def test_the_material_is_opaque_for_every_reader(textured: Mesh, tmp_path: Path):  # noqa: F811
    save(textured, tmp_path / "ball.obj")
    lines = (tmp_path / "ball.mtl").read_text().splitlines()
    assert "d 1" in lines
    assert "map_Kd ball_albedo.png" in lines
    assert not any(line.startswith("Tr") for line in lines)


def test_a_mesh_without_texture_is_one_file(tmp_path: Path):
    save(sphere(), tmp_path / "plain.obj")
    assert [file.name for file in tmp_path.iterdir()] == ["plain.obj"]
    again = trimesh.load_mesh(tmp_path / "plain.obj")
    assert again.volume == pytest.approx(trimesh_of(sphere()).volume, rel=1e-4)
    assert "vt" not in (tmp_path / "plain.obj").read_text()
