import math
from dataclasses import replace

import pytest
import torch

from dreamgaussian.camera import Camera
from dreamgaussian.errors import EmptyResult
from dreamgaussian.mesh.extract import Outline, extract_surface, surface_level
from mesh.shapes import field_of, grid, trimesh_of


def test_the_surface_of_a_ball_lies_at_its_radius_and_faces_outwards():
    mesh = extract_surface(field_of(0.4 - grid(1.2, 48).norm(dim=-1), 1.2), 1.0)
    radii = mesh.vertices.norm(dim=1)
    assert float((radii - 0.4).abs().max()) < 0.002
    assert trimesh_of(mesh).is_watertight
    assert trimesh_of(mesh).volume == pytest.approx(4 / 3 * torch.pi * 0.4**3, rel=0.01)


def test_a_surface_is_in_the_world_where_its_field_is():
    points = grid(1.2, 48)
    mesh = extract_surface(field_of(0.2 - (points - torch.tensor([0.2, -0.1, 0.3])).norm(dim=-1), 1.2), 1.0)
    torch.testing.assert_close(mesh.vertices.mean(dim=0), torch.tensor([0.2, -0.1, 0.3]), atol=2e-3, rtol=0)


def test_a_solid_that_reaches_the_grids_edge_is_still_closed():
    assert trimesh_of(extract_surface(field_of(0.9 - grid(1.2, 24).norm(dim=-1), 1.2), 1.0)).is_watertight


def test_a_level_that_is_not_reached_is_an_empty_result_with_the_maximum():
    with pytest.raises(EmptyResult, match=r"density 9.*maximum is 5"):
        extract_surface(field_of(0.4 - grid(1.2, 16).norm(dim=-1), 1.2), 9.0)


def disc(radius: float, azimuth_deg: float) -> Outline:
    """The outline of a centred ball."""
    camera = Camera.orbit(azimuth_deg, 10, 128)
    radius_px = camera.focal_px * math.tan(math.asin(radius / camera.radius))
    pixels = torch.arange(128) + 0.5 - 64
    return Outline((radius_px + 0.5 - (pixels[:, None] ** 2 + pixels**2).sqrt()).clamp(0, 1), camera)


@pytest.mark.parametrize("height", [0.3, 2.0, 40.0])
def test_the_level_is_where_the_outlines_match(height: float):
    ramp = field_of(grid(1.2, 64)[..., 0], 1.2)
    radii = ramp.points.norm(dim=-1)
    field = replace(ramp, density=height * torch.exp(-0.5 * (radii / 0.2) ** 2))
    level = surface_level(field, [disc(0.35, azimuth) for azimuth in (0, 80, 200)])
    mesh = extract_surface(field, level)
    assert float(mesh.vertices.norm(dim=1).mean()) == pytest.approx(0.35, abs=0.005)


def test_outlines_of_nothing_are_an_empty_result():
    empty = Outline(torch.zeros(32, 32), Camera.orbit(0, 0, 32))
    with pytest.raises(EmptyResult, match="too faint"):
        surface_level(field_of(0.4 - grid(1.2, 16).norm(dim=-1), 1.2), [empty])
