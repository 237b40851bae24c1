"""Images of one thing agree on one solid."""

import torch

from dreamgaussian.core.camera import Camera
from dreamgaussian.priors.mini.lifted import Lifted, with_one_shape
from dreamgaussian.priors.mini.volume import frustum_coordinates, voxel_centers

SOLID, CLEAR = 1.0, -1.0
VOXELS = 16
FRAME_AT_ORIGIN = 2 * 0.457
"""2 tan(49.1 / 2 degrees), half the height of an image at the origin, 2 from the camera."""


def lifted(azimuth_deg: float, half_width: float, density: float) -> Lifted:
    """An image of a bar, from top to bottom and of a half width in half frames, with the same density everywhere."""
    image = torch.zeros(1, 4, 64, 64)
    columns = (torch.arange(64) + 0.5) / 32 - 1
    image[..., columns.abs() < half_width] = 1
    volume = torch.zeros(1, 5, VOXELS, VOXELS, VOXELS)
    volume[:, 0] = density
    return Lifted(Camera.orbit(azimuth_deg, 0, 64), image, torch.zeros(1), volume)


def test_voxels_lie_where_the_frustum_says() -> None:
    volume = torch.zeros(1, 5, 4, 6, 8)
    elevation = torch.tensor([0.3])
    u, v, w = frustum_coordinates(voxel_centers(volume, elevation), elevation).view(4, 6, 8, 3).unbind(dim=-1)
    assert torch.allclose(w[:, 0, 0], torch.tensor([-0.75, -0.25, 0.25, 0.75]), atol=1e-5)
    assert torch.allclose(v[0, :, 0], (torch.arange(6) + 0.5) / 3 - 1, atol=1e-5)
    assert torch.allclose(u[0, 0], (torch.arange(8) + 0.5) / 4 - 1, atol=1e-5)


def test_a_single_image_keeps_its_shape() -> None:
    alone = lifted(0, 1.0, SOLID)
    assert torch.equal(with_one_shape([alone])[0].volume, alone.volume)


def test_what_another_image_shows_to_be_empty_is_taken_off() -> None:
    """From the side the bar is 2 x 0.25 of half a frame wide: so is the depth that the front may have."""
    front, _ = with_one_shape([lifted(0, 1.0, SOLID), lifted(90, 0.25, SOLID)])
    depth = front.voxel_centers()[:, 2].abs()
    density = front.volume[0, 0].flatten()
    near_axis = front.voxel_centers()[:, 0].abs() < 0.2  # Perspective widens the bar elsewhere.
    assert (density[near_axis & (depth < 0.2 * FRAME_AT_ORIGIN)] > 0.99 * SOLID).all()
    assert (density[near_axis & (depth > 0.4 * FRAME_AT_ORIGIN)] < -8).all()


def test_what_one_image_takes_for_solid_is_solid_in_all() -> None:
    front, side = with_one_shape([lifted(0, 1.0, CLEAR), lifted(90, 1.0, SOLID)])
    inside = front.voxel_centers().norm(dim=1) < 0.5
    assert torch.allclose(front.volume[0, 0].flatten()[inside], torch.tensor(SOLID))
    assert torch.allclose(side.volume[0, 0].flatten()[inside], torch.tensor(SOLID))
