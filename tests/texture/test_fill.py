import torch

from dreamgaussian.mesh.raster import Fragments
from dreamgaussian.texture.fill import fill_unseen, nearest_texels


def test_an_unknown_point_takes_its_neighbours_colour_in_space():
    positions = torch.tensor([[0.0, 0, 0], [0.01, 0, 0], [1, 0, 0]])
    colors = torch.tensor([[1.0, 0, 0], [0, 0, 0], [0, 1, 0]])
    filled = fill_unseen(colors, torch.tensor([True, False, True]), positions, torch.zeros(3, 3))
    torch.testing.assert_close(filled[1], torch.tensor([1.0, 0, 0]), atol=0.02, rtol=0)
    assert filled[[0, 2]].equal(colors[[0, 2]])


def test_the_two_sides_of_a_thin_wall_do_not_mix():
    sides = torch.tensor([[0.0, 0, 0.01], [0, 0, -0.01], [0.02, 0, 0.01], [0.02, 0, -0.01]])
    normals = torch.tensor([[0.0, 0, 1], [0, 0, -1], [0, 0, 1], [0, 0, -1]])
    colors = torch.tensor([[1.0, 0, 0], [0, 0, 1], [0, 0, 0], [0, 0, 0]])
    filled = fill_unseen(colors, torch.tensor([True, True, False, False]), sides, normals)
    assert float(filled[2, 0]) > 0.85
    assert float(filled[3, 2]) > 0.85


def test_known_colours_alone_are_returned_as_they_are():
    colors = torch.rand(5, 3)
    assert fill_unseen(colors, torch.ones(5, dtype=torch.bool), torch.rand(5, 3), torch.rand(5, 3)).equal(colors)


def test_gaps_of_the_atlas_point_to_the_nearest_texel():
    fragments = Fragments(3, 5, torch.tensor([0, 9]), torch.tensor([0, 1]), torch.zeros(2, 3), torch.zeros(2))
    assert nearest_texels(fragments).tolist() == [[0, 0, 0, 1, 1], [0, 0, 1, 1, 1], [0, 0, 1, 1, 1]]
