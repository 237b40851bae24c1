import pytest
import torch

from dreamgaussian.core.camera import Camera
from dreamgaussian.priors.mini.march import is_possible
from dreamgaussian.priors.mini.volume import (
    BALL_RADIUS,
    TANGENT,
    ball_section,
    frustum_coordinates,
    march,
    march_reference,
    orbit_rays,
    pixel_places,
    surface_points,
)

ELEVATION = torch.tensor([0.3])


def disc(size: int = 32, radius: float = 0.7) -> torch.Tensor:
    """A white disc, premultiplied RGBA."""
    inside = (pixel_places(size, torch.zeros(())).norm(dim=-1) < radius).float().reshape(size, size)
    return inside.expand(1, 4, size, size)


def rays(azimuth_deg: float, elevation_deg: float, size: int = 24) -> tuple[torch.Tensor, torch.Tensor]:
    origin, directions = Camera.orbit(azimuth_deg, elevation_deg, size).rays()
    return origin.float(), directions.reshape(-1, 3).float()


def test_frustum_coordinates_are_the_input_cameras_pixels() -> None:
    points = torch.rand(50, 3, generator=torch.Generator().manual_seed(0)) - 0.5
    camera = Camera.orbit(0.0, float(ELEVATION.rad2deg()), 2)
    pixels, depths = camera.project(points)
    u, v, w = frustum_coordinates(points[None], ELEVATION)[0].unbind(-1)
    assert torch.allclose(torch.stack([u, v], -1), pixels - 1, atol=1e-5)
    assert torch.allclose(w * 0.9 + 2.0, depths, atol=1e-5)


def test_orbit_rays_are_the_cameras_rays() -> None:
    angles = torch.tensor([[100.0], [-15.0]]).deg2rad()
    origins, directions = orbit_rays(angles[0], angles[1], pixel_places(24, angles)[None])
    origin, expected = rays(100.0, -15.0)
    assert torch.allclose(origins[0], origin, atol=1e-5)
    assert torch.allclose(directions[0], expected, atol=1e-5)


def test_ball_section_ends_lie_on_the_ball() -> None:
    origin, directions = rays(40.0, 10.0, 8)
    middle, half = ball_section(origin[None, None], directions[None])
    ends = origin + directions * (middle + half)[0, :, None]
    hit = half[0] > 0
    assert torch.allclose(ends[hit].norm(dim=-1), torch.tensor(BALL_RADIUS), atol=1e-4)
    assert TANGENT > 0


@pytest.mark.parametrize("azimuth_deg", [0.0, 75.0, 180.0])
def test_the_core_marches_as_the_reference_does(azimuth_deg: float) -> None:
    assert is_possible(torch.zeros(1)), "the C++ core is not built"
    generator = torch.Generator().manual_seed(0)
    volume = torch.randn(1, 5, 6, 16, 16, generator=generator).requires_grad_()
    image = torch.cat([0.7 * disc()[:, :3] * torch.rand(1, 3, 32, 32, generator=generator), disc()[:, 3:]], dim=1)
    origin, directions = rays(azimuth_deg, 20.0)
    jitter = torch.zeros(1, len(directions))
    core = march(volume, image, ELEVATION, origin[None, None], directions[None])
    reference = march_reference(volume, image, ELEVATION, origin[None, None], directions[None], jitter, 32)
    assert torch.allclose(core, reference, atol=5e-5)
    towards = torch.randn(core.shape, generator=generator)
    (of_core,) = torch.autograd.grad(core, volume, towards)
    (of_reference,) = torch.autograd.grad(reference, volume, towards)
    assert of_reference.abs().max() > 0.1
    assert torch.allclose(of_core, of_reference, atol=1e-4)


def test_marching_does_not_depend_on_the_threads() -> None:
    volume = torch.randn(3, 5, 6, 16, 16, generator=torch.Generator().manual_seed(0)).requires_grad_()
    origin, directions = rays(75.0, 20.0)
    batch = (disc().expand(3, -1, -1, -1), ELEVATION.expand(3), origin.expand(3, 1, 3), directions.expand(3, -1, -1))
    results: list[torch.Tensor] = []
    before = torch.get_num_threads()
    for threads in (1, 3):
        torch.set_num_threads(threads)
        seen = march(volume, *batch)
        results += [seen, *torch.autograd.grad(seen.square().sum(), volume)]
    torch.set_num_threads(before)
    assert torch.equal(results[0], results[2])
    assert torch.equal(results[1], results[3])


def test_the_input_view_of_a_dense_volume_is_the_image() -> None:
    volume = torch.full((1, 5, 6, 16, 16), 4.0)
    origin, directions = rays(0.0, float(ELEVATION.rad2deg()), 32)
    (seen,) = march(volume, disc(), ELEVATION, origin[None, None], directions[None])
    assert (seen.T.reshape(1, 4, 32, 32) - disc()).abs().mean() < 0.05


def test_nothing_is_seen_beside_the_cut_out() -> None:
    volume = torch.full((1, 5, 6, 16, 16), 4.0)
    origin, directions = rays(90.0, 0.0)
    empty = torch.zeros(1, 4, 32, 32)
    assert march(volume, empty, ELEVATION, origin[None, None], directions[None]).abs().max() < 1e-4


def test_renders_have_gradients_to_the_volume() -> None:
    volume = torch.zeros(1, 5, 6, 16, 16, requires_grad=True)
    origin, directions = rays(90.0, 0.0)
    march(volume, disc(), ELEVATION, origin[None, None], directions[None]).sum().backward()
    assert volume.grad is not None
    assert (volume.grad.abs().sum(dim=(2, 3, 4)) > 0).all()


def test_surface_points_lie_where_rays_end() -> None:
    volume = torch.full((1, 5, 8, 16, 16), -2.0)
    volume[:, 0, 3:5] = 2.0  # a slab about the middle
    volume[:, 1] = 4.0  # red
    volume[:, 4] = -9.0
    points, colors = surface_points(volume, disc(), ELEVATION, 400, torch.Generator().manual_seed(0))
    uvw = frustum_coordinates(points[None], ELEVATION)[0]
    assert len(points) == 400
    assert uvw[:, :2].norm(dim=-1).max() < 0.78  # in front of the disc or behind it
    assert (uvw[:, 2].abs() < 0.5).float().mean() > 0.95  # the rest is the last of the fog
    assert uvw[:, 2].min() < -0.1 < 0.1 < uvw[:, 2].max()  # seen from both sides
    assert torch.allclose(colors, torch.tensor([4.0, -2.0, -2.0]).sigmoid().expand(400, 3), atol=1e-3)


def test_an_empty_volume_has_no_surface_points() -> None:
    points, colors = surface_points(
        torch.full((1, 5, 6, 16, 16), -4.0), disc(), ELEVATION, 400, torch.Generator().manual_seed(0)
    )
    assert len(points) == len(colors) == 0
