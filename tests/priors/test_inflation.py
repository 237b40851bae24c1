import torch

from dreamgaussian.priors.mini.lifter import ball_heights, inflated_silhouette
from dreamgaussian.priors.mini.volume import HALF_DEPTH, PLANE_HALF_HEIGHT

SIZE = 32


def places() -> tuple[torch.Tensor, torch.Tensor]:
    line = torch.arange(SIZE) + 0.5 - SIZE / 2
    rows, columns = torch.meshgrid(line, line, indexing="ij")
    return rows, columns


def test_a_disc_becomes_a_ball():
    rows, columns = places()
    radius = 10.0
    inside = rows**2 + columns**2 < radius**2
    heights = ball_heights(inside[None])[0]
    ball = (radius**2 - rows**2 - columns**2).clamp(min=0).sqrt()
    assert (heights - ball)[ball > 4].abs().max() < 1.5
    assert (heights[~inside] == 0).all()


def test_a_strip_becomes_a_cylinder():
    _, columns = places()
    inside = columns.abs() < 5
    heights = ball_heights(inside[None])[0]
    cylinder = (25 - columns**2).clamp(min=0).sqrt()
    middle = slice(8, 24)
    assert (heights - cylinder)[middle][inside[middle]].abs().max() < 1.5


def test_an_empty_image_and_a_full_one_have_finite_heights():
    heights = ball_heights(torch.stack([torch.zeros(SIZE, SIZE), torch.ones(SIZE, SIZE)]) > 0)
    assert heights[0].max() == 0
    assert 14 < heights[1].max() <= 16


def test_the_inflated_silhouette_is_as_deep_as_it_is_wide():
    rows, columns = places()
    radius = 0.5
    alpha = ((rows**2 + columns**2).sqrt() * (2 * PLANE_HALF_HEIGHT / SIZE) < radius).float()
    volume = inflated_silhouette(alpha[None], SIZE, 64)[0]
    depths = ((torch.arange(64) + 0.5) / 32 - 1) * HALF_DEPTH
    along_the_axis = volume[:, SIZE // 2, SIZE // 2]
    assert (along_the_axis[depths.abs() < radius - 0.1] > 0).all()
    assert (along_the_axis[depths.abs() > radius + 0.1] < 0).all()
    assert (volume[:, 0, 0][depths.abs() > 0.05] < 0).all()
