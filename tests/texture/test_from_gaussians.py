"""Gaussians made elsewhere to a textured mesh."""

import contextlib
import math
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from dreamgaussian.cli import main as cli
from dreamgaussian.core.axes import Axes
from dreamgaussian.core.camera import Camera
from dreamgaussian.core.errors import EmptyResult
from dreamgaussian.core.gaussians import SH_C0, Gaussians
from dreamgaussian.formats import save
from dreamgaussian.meshing.settings import MeshSettings
from dreamgaussian.raster import choose_rasterizer
from dreamgaussian.texture.from_gaussians import mesh_scene
from dreamgaussian.texture.settings import BakeSettings
from meshing.shapes import shell_gaussians

FAST = MeshSettings(resolution=48, faces=1000, texture_size=128), BakeSettings(view_size=96)
CENTER, SIZE = torch.tensor([30.0, -4.0, 12.0]), 7.0


def scene() -> Gaussians:
    """A red ball of radius 3.5, far from the origin."""
    ball = shell_gaussians(1500)
    color = (torch.tensor([0.9, 0.1, 0.2]) - 0.5) / SH_C0
    return replace(
        ball,
        means=CENTER + SIZE * ball.means,
        log_scales=ball.log_scales + torch.tensor(SIZE / 2).log(),
        sh=color.expand(1500, 1, 3).contiguous(),
    )


def outline_radius() -> float:
    """Of the ball as the Gaussians show it, where they cover half of a pixel."""
    near = replace(
        scene(), means=(scene().means - CENTER) / SIZE, log_scales=scene().log_scales - torch.tensor(SIZE).log()
    )
    camera = Camera.orbit(0, 0, 512)
    alpha = choose_rasterizer("cpu", torch.device("cpu")).render(near, camera).alpha
    radius_px = math.sqrt(float((alpha >= 0.5).sum()) / math.pi)
    return SIZE * camera.radius * math.sin(math.atan(radius_px / camera.focal_px))


def test_a_scene_becomes_a_textured_mesh_where_it_lies():
    steps = list(mesh_scene(scene(), choose_rasterizer("cpu", torch.device("cpu")), *FAST))
    assert [step.stage for step in steps if step.done == step.total] == ["Views", "Surface", "Texture"]
    mesh = steps[-1].mesh
    assert mesh is not None
    radii = (mesh.vertices - CENTER).norm(dim=1)
    assert float(radii.mean()) == pytest.approx(outline_radius(), abs=0.05)  # a quarter of a cell of the density grid
    assert float(radii.std()) < 0.1
    assert mesh.albedo is not None
    assert float((mesh.albedo - torch.tensor([0.9, 0.1, 0.2])).abs().max()) < 0.03


def test_a_scene_with_its_up_along_z_comes_out_upright():
    *_, last = mesh_scene(scene(), choose_rasterizer("cpu", torch.device("cpu")), *FAST, Axes("z+", "y-"))
    assert last.mesh is not None
    middle = (last.mesh.vertices.amin(dim=0) + last.mesh.vertices.amax(dim=0)) / 2
    torch.testing.assert_close(middle, torch.tensor([30.0, 12.0, 4.0]), atol=0.3, rtol=0)


def test_a_single_gaussian_becomes_an_ellipsoid():
    one = replace(scene()[torch.tensor([0])], log_scales=torch.tensor([[0.0, 0.0, 0.7]]))
    *_, last = mesh_scene(one, choose_rasterizer("cpu", torch.device("cpu")), *FAST)
    assert last.mesh is not None
    sides = last.mesh.vertices.amax(dim=0) - last.mesh.vertices.amin(dim=0)
    assert float(sides[2] / sides[0]) == pytest.approx(math.exp(0.7), rel=0.04)  # half a grid cell in the longer side


def test_gaussians_too_faint_for_a_surface_are_refused():
    faint = replace(scene(), opacity_logits=torch.full((1500,), -2.0))[torch.arange(40)]
    with pytest.raises(EmptyResult, match="too faint"):
        list(mesh_scene(faint, choose_rasterizer("cpu", torch.device("cpu")), *FAST))


def test_the_command_writes_a_mesh_and_refuses_to_replace_it(tmp_path, capsys):
    save(scene(), tmp_path / "scene.ply")
    flags = ["--mesh.resolution", "32", "--bake.view-size", "64", "--faces", "400", "--texture-size", "64"]
    assert cli.run(["mesh", str(tmp_path / "scene.ply"), *flags]) == 0
    assert (tmp_path / "scene.glb").read_bytes()[:4] == b"glTF"
    assert capsys.readouterr().out.strip() == str(tmp_path / "scene.glb")
    assert cli.run(["mesh", str(tmp_path / "scene.ply"), *flags]) == 2
    assert "already there" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["mesh", "no.ply"], "There is no file no.ply"),
        (["mesh", "no.ply", "-o", "mesh.docx"], "A mesh can be written as"),
        (["mesh", "no.ply", "-o", "nowhere/mesh.glb"], "There is no folder nowhere"),
        (["mesh", "no.ply", "-o", "folder.glb", "--overwrite"], "folder.glb is a folder"),
        (["mesh", "no.ply", "-o", "long" * 100 + ".glb"], "cannot be used (File name too long)"),
        (["mesh", "no.ply", "--faces", "3"], "mesh.faces is 3. Give at least 100."),
    ],
)
def test_mistakes_are_answered_in_one_line(arguments, message, capsys, tmp_path):
    with contextlib.chdir(tmp_path):
        Path("folder.glb").mkdir()
        assert cli.run(arguments) == 2
        assert message in capsys.readouterr().err
