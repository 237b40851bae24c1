import pytest
import torch
from torch import Tensor

from dreamgaussian.core.mesh import Mesh
from dreamgaussian.meshing.unwrap import unwrap
from dreamgaussian.raster.mesh import Fragments, MeshScene
from dreamgaussian.texture.fill import SurfaceInpainter, fill_unseen, nearest_texels
from dreamgaussian.texture.views import Texels, locate_texels
from meshing.shapes import box, joined, sphere

SIZE = 128
RED, BLUE = torch.tensor([1.0, 0, 0]), torch.tensor([0.0, 0, 1])


@pytest.fixture(scope="module")
def ball() -> Mesh:
    return unwrap(sphere(0.5, 4), SIZE)


def fill(mesh: Mesh, colors: Tensor, weights: Tensor, texels: Texels) -> Tensor:
    return fill_unseen(SurfaceInpainter(mesh, MeshScene(mesh.vertices, mesh.faces), texels.fragments), colors, weights)


def texels_of(mesh: Mesh) -> Texels:
    return locate_texels(mesh, MeshScene(mesh.vertices, mesh.faces), SIZE)


def test_well_seen_texels_keep_their_colour(ball: Mesh):
    texels = texels_of(ball)
    colors = torch.rand(texels.positions.shape, generator=torch.Generator().manual_seed(0))
    torch.testing.assert_close(fill(ball, colors, torch.full((len(colors),), 3.0), texels), colors, atol=5e-3, rtol=0)


def test_a_gap_is_bridged_smoothly_along_the_surface(ball: Mesh):
    texels = texels_of(ball)
    height = texels.positions[:, 1:2] / 0.5
    colors = torch.where(height > 0, RED, BLUE)
    filled = fill(ball, colors, (height.abs() > 0.5).float()[:, 0], texels)
    middle = (height.abs() < 0.05)[:, 0]
    torch.testing.assert_close(filled[middle].mean(dim=0), (RED + BLUE) / 2, atol=0.05, rtol=0)
    upper = filled[((height > 0.2) & (height < 0.3))[:, 0]].mean(dim=0)
    assert 0.55 < float(upper[0]) < 0.9


def test_a_texel_seen_badly_is_drawn_towards_its_surroundings(ball: Mesh):
    texels = texels_of(ball)
    spot = texels.positions[:, 1] > 0.45
    colors = torch.where(spot[:, None], BLUE, RED)
    filled = fill(ball, colors, torch.where(spot, 1e-4, 3.0), texels)
    assert float(filled[spot, 0].mean()) > 0.8


def test_a_piece_that_no_view_saw_takes_the_nearest_colour():
    pair = unwrap(joined(sphere(0.3, 3), box((0.2, 0.2, 0.2), (0.5, 0, 0))), SIZE)
    texels = texels_of(pair)
    on_ball = texels.positions[:, 0] < 0.35
    colors = torch.where(texels.positions[:, :1] > 0, RED, BLUE)
    filled = fill(pair, colors, on_ball.float(), texels)
    torch.testing.assert_close(filled[~on_ball], RED.expand(int((~on_ball).sum()), 3), atol=0.02, rtol=0)


def test_gaps_of_the_atlas_point_to_the_nearest_texel():
    fragments = Fragments(3, 5, torch.tensor([0, 9]), torch.tensor([0, 1]), torch.zeros(2, 3), torch.zeros(2))
    assert nearest_texels(fragments).tolist() == [[0, 0, 0, 1, 1], [0, 0, 1, 1, 1], [0, 0, 1, 1, 1]]
