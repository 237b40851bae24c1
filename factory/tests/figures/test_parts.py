import numpy as np
import pytest

from factory.figures.parts import MIRROR, Part, below, blob, both, disc, limb, loft, plain, srgb


def test_paint_lies_where_it_is_meant_on_the_surface() -> None:
    part = Part(blob((0, 0, 0), (1, 1, 1)), below(0, plain("ff0000"), plain("0000ff")))
    (material,) = part.model(32).materials
    assert material.texture is not None
    upper, lower = material.texture[:12, :, :3].mean(axis=(0, 1)), material.texture[-12:, :, :3].mean(axis=(0, 1))
    assert upper.tolist() == [0, 0, 1]
    assert lower.tolist() == [1, 0, 0]


def test_a_limb_ends_at_its_ends_and_is_round_there() -> None:
    grid = limb([(0, 0, 0), (0, 2, 0)], [0.3, 0.3])
    assert (grid[..., 1].min(), grid[..., 1].max()) == pytest.approx((0, 2))
    radii = np.linalg.norm(grid[..., [0, 2]], axis=-1).max(axis=1)
    assert radii.max() == pytest.approx(0.3)
    assert radii[[0, -1]] == pytest.approx(0)
    at = grid[:, 0, 1]
    assert np.interp(0.1, at, radii) == pytest.approx(np.sqrt(0.3**2 - 0.2**2), rel=0.02)


def test_square_blobs_fill_their_boxes() -> None:
    ball, box = blob((0, 0, 0), (1, 1, 1)), blob((0, 0, 0), (1, 1, 1), square=1)
    assert np.linalg.norm(ball, axis=-1) == pytest.approx(1)
    assert np.linalg.norm(box, axis=-1).max() > 1.5


def test_a_wheel_stands_on_the_road() -> None:
    grid = disc((1, 0.5, 0), 0.5, 0.2)
    assert grid[..., 1].min() == pytest.approx(0, abs=0.01)
    assert np.ptp(grid[..., 0]) == pytest.approx(0.2)


def test_a_hull_is_closed_and_follows_its_sections() -> None:
    grid = loft([(-1, 0.5, 0, 1), (1, 0.25, 0, 0.5)])
    assert np.ptp(grid[0], axis=0) == pytest.approx(0)
    assert np.ptp(grid[-1], axis=0) == pytest.approx(0)
    assert np.abs(grid[1, :, 0]).max() == pytest.approx(0.5)
    assert np.abs(grid[-2, :, 0]).max() == pytest.approx(0.25)


def test_both_sides_mirror_each_other() -> None:
    left, right = both(Part(blob((1, 0, 0), (0.2, 0.2, 0.2)), plain("808080")))
    assert left.grid * MIRROR == pytest.approx(right.grid)
    assert srgb("ff8000") == pytest.approx([1, 128 / 255, 0])
