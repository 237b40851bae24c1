import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from dreamgaussian.core.camera import DEFAULT_FOVY_DEG, Camera, nearest_camera

azimuths = st.floats(-180, 180)
elevations = st.floats(-89, 89)


def pixel(camera: Camera, *point: float) -> tuple[float, float]:
    xy, _ = camera.project(torch.tensor([point], dtype=torch.float64))
    return float(xy[0, 0]), float(xy[0, 1])


@pytest.mark.parametrize(
    ("azimuth", "elevation", "position"),
    [
        (0, 0, (0, 0, 2)),  # in front of the subject, which looks along +z
        (90, 0, (2, 0, 0)),  # azimuth grows from +z towards +x
        (180, 0, (0, 0, -2)),
        (-90, 0, (-2, 0, 0)),
        (0, 90, (0, 2, 0)),  # positive elevation is above
        (0, -30, (0, -1, math.sqrt(3))),
    ],
)
def test_the_camera_stands_where_the_conventions_say(
    azimuth: float, elevation: float, position: tuple[float, float, float]
) -> None:
    camera = Camera.orbit(azimuth, elevation, 64)
    torch.testing.assert_close(camera.position, torch.tensor(position, dtype=torch.float64), atol=1e-12, rtol=0)


def test_from_the_front_x_is_right_and_y_is_up() -> None:
    camera = Camera.orbit(0, 0, 100)
    assert pixel(camera, 0, 0, 0) == pytest.approx((50, 50))
    assert pixel(camera, 0.1, 0, 0)[0] > 50
    assert pixel(camera, 0, 0.1, 0)[1] < 50


def test_from_azimuth_90_the_front_is_at_the_left() -> None:
    assert pixel(Camera.orbit(90, 0, 100), 0, 0, 0.1)[0] < 50


def test_from_above_the_front_is_at_the_bottom() -> None:
    assert pixel(Camera.orbit(0, 90, 100), 0, 0, 0.1)[1] > 50


def test_the_frame_is_as_high_as_the_field_of_view_says() -> None:
    half_height = 2 * math.tan(math.radians(DEFAULT_FOVY_DEG / 2))
    assert half_height == pytest.approx(0.9136, abs=1e-4)
    assert pixel(Camera.orbit(0, 0, (200, 100)), 0, half_height, 0) == pytest.approx((100, 0))
    assert pixel(Camera.orbit(0, 0, (200, 100)), 2 * half_height, 0, 0) == pytest.approx((200, 50))


@settings(deadline=None)
@given(azimuth=azimuths, elevation=elevations, radius=st.floats(0.1, 10))
def test_angles_and_radius_are_read_back(azimuth: float, elevation: float, radius: float) -> None:
    camera = Camera.orbit(azimuth, elevation, 32, radius=radius)
    assert math.cos(math.radians(camera.azimuth_deg - azimuth)) == pytest.approx(1)
    assert camera.elevation_deg == pytest.approx(elevation, abs=1e-6)
    assert camera.radius == pytest.approx(radius)


@settings(deadline=None)
@given(azimuth=azimuths, elevation=st.floats(-90, 90))
def test_the_transform_is_rigid_and_right_handed(azimuth: float, elevation: float) -> None:
    rotation = Camera.orbit(azimuth, elevation, 32).camera_from_world[:3, :3]
    torch.testing.assert_close(rotation @ rotation.T, torch.eye(3, dtype=torch.float64), atol=1e-12, rtol=0)
    assert float(torch.linalg.det(rotation)) == pytest.approx(1)


@settings(deadline=None)
@given(
    azimuth=azimuths, elevation=elevations, width=st.integers(1, 9), height=st.integers(1, 9), depth=st.floats(0.1, 9)
)
def test_rays_pass_through_the_pixel_centres(
    azimuth: float, elevation: float, width: int, height: int, depth: float
) -> None:
    camera = Camera.orbit(azimuth, elevation, (width, height))
    origin, directions = camera.rays()
    assert directions.shape == (height, width, 3)
    torch.testing.assert_close(directions.norm(dim=-1), torch.ones(height, width, dtype=torch.float64))
    centres, depths = camera.project((origin + depth * directions).reshape(-1, 3))
    assert (depths > 0).all()
    y, x = torch.meshgrid(torch.arange(height) + 0.5, torch.arange(width) + 0.5, indexing="ij")
    expected = torch.stack([x, y], dim=-1).reshape(-1, 2).double()
    torch.testing.assert_close(centres, expected, atol=1e-8, rtol=0)


def test_resizing_changes_pixels_and_nothing_else() -> None:
    camera = Camera.orbit(30, 20, 64)
    small = camera.resized((32, 16))
    assert (small.width, small.height, small.fovy_deg) == (32, 16, camera.fovy_deg)
    assert small.camera_from_world is camera.camera_from_world
    double = camera.resized(128)
    assert pixel(double, 0.1, 0.2, 0.3) == pytest.approx([2 * value for value in pixel(camera, 0.1, 0.2, 0.3)])


def test_projection_keeps_the_dtype_and_carries_gradients() -> None:
    points = torch.rand(4, 3, requires_grad=True)
    pixels, depths = Camera.orbit(10, 10, 64).project(points)
    assert (pixels.dtype, depths.dtype) == (torch.float32, torch.float32)
    (pixels.sum() + depths.sum()).backward()
    assert points.grad is not None
    assert points.grad.isfinite().all()


def test_opencvs_frame_has_y_down_and_z_forwards() -> None:
    camera = Camera.orbit(30, 20, 64)
    ahead = torch.cat([torch.zeros(3, dtype=torch.float64), torch.ones(1, dtype=torch.float64)])  # the world's origin
    torch.testing.assert_close((camera.opencv_from_world @ ahead)[:3].tolist(), [0.0, 0.0, camera.radius])
    above = camera.opencv_from_world @ torch.tensor([0.0, 1.0, 0.0, 1.0], dtype=torch.float64)
    assert above[1] < 0


def test_the_nearest_camera_is_that_of_the_smallest_angle_at_any_distance() -> None:
    cameras = [Camera.orbit(0, 0, 8, radius=9.0), Camera.orbit(90, 0, 8), Camera.orbit(90, 60, 8)]
    assert [nearest_camera(cameras, Camera.orbit(*angles, 8)) for angles in ((44, 0), (46, 0), (80, 50))] == [0, 1, 2]
