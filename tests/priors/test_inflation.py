import pytest
import torch

from dreamgaussian.priors.mini.start import Start, ball_heights, start_density, upright_heights
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
    both = torch.stack([torch.zeros(SIZE, SIZE), torch.ones(SIZE, SIZE)]) > 0
    for heights in (ball_heights(both), upright_heights(both)):
        assert heights[0].max() == 0
        assert 14 < heights[1].max() <= 16


def test_an_upright_thing_has_round_sections_and_a_flat_bottom():
    rows, columns = places()
    inside = (columns.abs() < 6) & (rows.abs() < 12)
    heights = upright_heights(inside[None])[0]
    cylinder = (36 - columns**2).clamp(min=0).sqrt()
    assert (heights - cylinder)[8:24][inside[8:24]].abs().max() < 0.01
    bottom = heights[SIZE // 2 + 11]
    assert bottom.max() == pytest.approx(6, abs=0.1)
    assert (heights[~inside] == 0).all()


def test_a_higher_exponent_makes_sections_boxy():
    rows, columns = places()
    inside = (columns.abs() < 6) & (rows.abs() < 12)
    heights = upright_heights(inside[None], exponent=8.0)[0]
    assert heights[SIZE // 2, SIZE // 2 - 5 : SIZE // 2 + 5].min() > 5.5


def test_a_wide_bar_is_as_deep_as_it_is_high_and_not_as_it_is_wide():
    rows, columns = places()
    inside = (columns.abs() < 14) & (rows.abs() < 2)
    heights = upright_heights(inside[None])[0]
    assert 2 < heights.max() < 4


def test_the_head_of_a_lollipop_does_not_thicken_its_stick():
    rows, columns = places()
    inside = (rows + 6).hypot(columns) < 8
    inside |= (columns.abs() < 1) & (rows.abs() < 15)
    heights = upright_heights(inside[None])[0]
    assert heights[10, SIZE // 2] > 7
    assert heights[28].max() <= 1


@pytest.mark.parametrize("start", ["balls", "upright"])
def test_a_disc_is_taken_to_be_as_deep_as_it_is_wide(start: Start):
    rows, columns = places()
    radius = 0.5
    alpha = ((rows**2 + columns**2).sqrt() * (2 * PLANE_HALF_HEIGHT / SIZE) < radius).float()
    volume = start_density(alpha[None], SIZE, 64, start)[0]
    depths = ((torch.arange(64) + 0.5) / 32 - 1) * HALF_DEPTH
    along_the_axis = volume[:, SIZE // 2, SIZE // 2]
    assert (along_the_axis[depths.abs() < radius - 0.1] > 0).all()
    assert (along_the_axis[depths.abs() > radius + 0.1] < 0).all()
    assert (volume[:, 0, 0][depths.abs() > 0.05] < 0).all()
