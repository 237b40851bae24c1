"""Several images of a known body: an ellipsoid, whose outlines are known from everywhere."""

import numpy as np
import pytest
import torch

from dreamgaussian.core.camera import Camera
from dreamgaussian.core.errors import InputError
from dreamgaussian.inputs.silhouettes import (
    extent,
    frame_shares,
    longer_side,
    require_one_outline,
    shared_axis,
    shared_frame_share,
)

FRONT = Camera.orbit(0, 0, 200)


def outline(camera: Camera, half_axes: tuple[float, float, float] = (0.3, 0.6, 0.45)) -> np.ndarray:
    """Where the rays meet the ellipsoid with these half-axes (x, y, z)."""
    origin, directions = camera.rays()
    stretch = 1 / torch.tensor(half_axes, dtype=torch.float64)
    o, d = origin * stretch, directions * stretch
    return ((d @ o) ** 2 - (d * d).sum(-1) * (o @ o - 1) > 0).numpy()


def zoomed(silhouette: np.ndarray, factor: int) -> np.ndarray:
    return silhouette.repeat(factor, axis=0).repeat(factor, axis=1)


@pytest.mark.parametrize("pose", [(90, 0), (180, 0), (-90, 0), (0, 89), (60, 40), (150, -20), (20, -60)])
def test_every_image_shows_the_subject_in_one_size(pose):
    camera = Camera.orbit(*pose, 200, radius=20, fovy_deg=5)
    front = Camera.orbit(0, 0, 200, radius=20, fovy_deg=5)
    silhouettes = [outline(front), outline(camera)]
    truth = longer_side(silhouettes[1]) / longer_side(silhouettes[0]) * 0.6
    shares = frame_shares([silhouettes[0], zoomed(silhouettes[1], 2)], [front, camera], 0.6)
    assert shares == pytest.approx([0.6, truth], rel=0.02)


def test_one_image_takes_what_it_is_given():
    assert frame_shares([outline(FRONT)], [FRONT], 0.8) == [0.8]
    assert frame_shares([outline(FRONT)], [FRONT], 0.97) == [0.97]


def test_all_are_shrunk_where_one_would_not_fit():
    camera = Camera.orbit(90, 0, 200)
    bus = (0.2, 0.2, 0.7)
    front, side = frame_shares([outline(FRONT, bus), outline(camera, bus)], [FRONT, camera], 0.8)
    assert side == pytest.approx(0.95)
    assert front < 0.4


def test_the_shared_axis_is_upright_at_the_horizon_and_lies_in_both_images():
    assert shared_axis(FRONT, Camera.orbit(90, 0, 8)).abs().tolist() == pytest.approx([0, 1, 0])
    assert shared_axis(FRONT, Camera.orbit(180, 0, 8)).abs().tolist() == pytest.approx([0, 1, 0])
    a, b = Camera.orbit(0, 20, 8), Camera.orbit(120, -10, 8)
    axis = shared_axis(a, b)
    assert float(axis.norm()) == pytest.approx(1)
    for camera in (a, b):
        assert float(axis @ camera.camera_from_world[2, :3]) == pytest.approx(0, abs=1e-12)


def test_extent_counts_whole_pixels():
    silhouette = np.zeros((20, 30), bool)
    silhouette[5:9, 10:20] = True
    assert extent(silhouette, torch.tensor([0.0, 1.0, 0.0], dtype=torch.float64), FRONT) == pytest.approx(4)
    assert extent(silhouette, torch.tensor([1.0, 0.0, 0.0], dtype=torch.float64), FRONT) == pytest.approx(10)
    assert longer_side(silhouette) == 10


def test_opposite_sides_must_have_one_outline():
    back, side = Camera.orbit(180, 0, 200), Camera.orbit(90, 0, 200)
    names = ["front.png", "other.png"]
    slim, wide = outline(FRONT), outline(back, (0.6, 0.6, 0.45))
    require_one_outline([slim, outline(back)], [FRONT, back], names)
    require_one_outline([slim, wide], [FRONT, side], names)  # a side may be of any width
    with pytest.raises(InputError, match=r"front\.png and other\.png show opposite .* is 2\.0 times as wide"):
        require_one_outline([slim, wide], [FRONT, back], names)


def test_a_shared_crop_leaves_room_for_all():
    silhouettes = [np.zeros((100, 100), bool) for _ in range(2)]
    silhouettes[0][40:60, 30:50] = True
    silhouettes[1][45:55, 40:50] = True
    assert shared_frame_share(silhouettes, 0.8) == 0.8
    silhouettes[1][45:55, 40:65] = True  # ends 25 pixels beside the first one's middle
    assert shared_frame_share(silhouettes, 0.8) == pytest.approx(20 / 50)
