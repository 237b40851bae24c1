import pytest

from dreamgaussian.gaussians import Gaussians
from dreamgaussian.mesh.build import build_mesh
from dreamgaussian.mesh.settings import MeshSettings
from mesh.shapes import shell_gaussians, trimesh_of


def test_a_shell_of_gaussians_becomes_one_solid_with_an_atlas():
    mesh = build_mesh(shell_gaussians(), MeshSettings(resolution=64, faces=3000, texture_size=256))
    solid = trimesh_of(mesh)
    solid.merge_vertices()
    assert solid.is_watertight
    assert solid.body_count == 1
    assert len(solid.faces) <= 3000
    assert float(mesh.vertices.norm(dim=1).mean()) == pytest.approx(0.5, abs=0.06)
    assert float(mesh.vertices.norm(dim=1).std()) < 0.01
    assert mesh.uvs is not None


def test_two_separate_balls_stay_two():
    ball = shell_gaussians(1500, 0.2)
    moved = Gaussians(ball.means + ball.means.new_tensor([0.6, 0, 0]), *list(ball.tensors().values())[1:])
    mesh = build_mesh(Gaussians.concatenate([ball, moved]), MeshSettings(resolution=64, texture_size=128))
    solid = trimesh_of(mesh)
    solid.merge_vertices()
    assert solid.body_count == 2
    assert solid.is_watertight
