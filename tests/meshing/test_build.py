import pytest
import torch
from torch import Tensor

from dreamgaussian.core.camera import Camera
from dreamgaussian.core.gaussians import Gaussians
from dreamgaussian.meshing.build import build_mesh
from dreamgaussian.meshing.extract import Outline
from dreamgaussian.meshing.settings import MeshSettings
from dreamgaussian.raster.cpu import CpuRasterizer
from meshing.shapes import shell_gaussians, trimesh_of


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


def test_relief_goes_behind_a_single_image_and_stays_where_several_vouch_for_it():
    ball, cameras = shell_gaussians(), [Camera.orbit(azimuth, 0, 64) for azimuth in (0, 90)]
    images = [Outline(CpuRasterizer().render(ball, camera).alpha, camera) for camera in cameras]
    kept, flat = (
        MeshSettings(resolution=48, texture_size=128, displacement_width=0.0),
        MeshSettings(resolution=48, texture_size=128),
    )

    def surface(settings: MeshSettings, count: int) -> Tensor:
        return build_mesh(ball, settings, true_outlines=images[:count]).vertices

    assert torch.equal(surface(flat, 2), surface(kept, 2))
    assert not torch.equal(surface(flat, 1), surface(kept, 1))
