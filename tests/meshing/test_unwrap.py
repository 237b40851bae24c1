import torch
from torch import Tensor

from dreamgaussian.core.mesh import Mesh
from dreamgaussian.meshing.unwrap import unwrap
from dreamgaussian.raster.mesh import MeshScene
from dreamgaussian.texture.views import locate_texels
from meshing.shapes import joined, sphere, trimesh_of


def uv_areas(mesh: Mesh) -> Tensor:
    assert mesh.uvs is not None
    a, b, c = mesh.uvs[mesh.faces].unbind(1)
    return 0.5 * ((b - a)[:, 0] * (c - a)[:, 1] - (b - a)[:, 1] * (c - a)[:, 0]).abs()


def test_unwrapping_keeps_the_surface():
    ball = sphere()
    cut = unwrap(ball, 256)
    assert cut.faces.shape == ball.faces.shape
    torch.testing.assert_close(torch.tensor(trimesh_of(cut).volume), torch.tensor(trimesh_of(ball).volume))


def test_coordinates_lie_in_the_unit_square():
    cut = unwrap(joined(sphere(), sphere(0.2, 3)), 256)
    assert cut.uvs is not None
    assert float(cut.uvs.min()) >= 0
    assert float(cut.uvs.max()) <= 1


def test_no_two_faces_share_texels():
    cut = unwrap(sphere(), 256)
    texels = locate_texels(cut, MeshScene(cut.vertices, cut.faces), 256)
    covered = torch.bincount(texels.fragments.face_ids, minlength=cut.faces.shape[0]).float()
    expected = uv_areas(cut) * 256**2
    assert float((covered - expected).abs().sum() / expected.sum()) < 0.25
    assert abs(float(covered.sum() / expected.sum()) - 1) < 0.01


def test_texels_are_spread_evenly_over_the_surface():
    cut = unwrap(sphere(), 256)
    share = uv_areas(cut) / torch.tensor(trimesh_of(cut).area_faces)
    assert float(share.quantile(0.05) / share.median()) > 0.5
    assert float(share.sum()) > 0
    assert float(uv_areas(cut).sum()) > 0.4
