import pytest
import torch

from dreamgaussian.core.camera import Camera
from dreamgaussian.core.errors import ConfigError
from dreamgaussian.fitting.densify.settings import DensitySettings
from dreamgaussian.fitting.image_loss import outside_silhouette, reference_view
from dreamgaussian.fitting.settings import ReferenceSettings
from dreamgaussian.inputs.subject import Crop, View


def square_view(azimuth_deg: float) -> View:
    """An opaque square over the middle half of the frame."""
    image = torch.zeros(64, 64, 4)
    image[16:48, 16:48] = 1
    return View(image, Camera.orbit(azimuth_deg, 0, 64), Crop(1.0, (0.0, 0.0)))


FRONT, LEFT = (reference_view(square_view(azimuth), ReferenceSettings(size=64)) for azimuth in (0, 90))


def test_points_beside_the_outline_out_of_the_frame_and_behind_the_camera_are_beside():
    """The frame is 2 tan(24.55 deg) 2 = 1.827 high at the origin, so the square reaches 0.457 from its middle."""
    points = torch.tensor([[0.0, 0, 0], [0.44, 0, 0], [0.52, 0, 0], [0, -0.52, 0], [1.5, 0, 0], [0, 0, 2.5]])
    assert outside_silhouette(points, [FRONT], 0.0).tolist() == [False, False, True, True, True, True]


def test_the_margin_is_a_share_of_the_images_height():
    """0.05 of 64 pixels are 3 pixels, 0.086 at the origin."""
    points = torch.tensor([[0.52, 0.0, 0], [0.6, 0.0, 0]])
    assert outside_silhouette(points, [FRONT], 0.05).tolist() == [False, True]


def test_one_image_that_shows_a_point_beside_is_enough():
    points = torch.tensor([[0.0, 0, 0.7], [0, 0, 0]])
    assert outside_silhouette(points, [FRONT], 0.03).tolist() == [False, False]
    assert outside_silhouette(points, [FRONT, LEFT], 0.03).tolist() == [True, False]


def test_without_a_margin_or_an_image_nothing_is_beside():
    points = torch.tensor([[5.0, 0, 0]])
    assert not outside_silhouette(points, [FRONT], None).any()
    assert not outside_silhouette(points, [], 0.03).any()


def test_a_margin_out_of_range_is_refused():
    with pytest.raises(ConfigError, match=r"fit.density.silhouette_margin is 0.7"):
        DensitySettings(silhouette_margin=0.7)
