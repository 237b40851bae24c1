import math
from dataclasses import replace

import pytest
import torch

from dreamgaussian.core.camera import Camera
from dreamgaussian.core.errors import EmptyResult
from dreamgaussian.meshing.extract import (
    Outline,
    blurred,
    carve,
    extract_surface,
    fit_iso_level,
    match_true_outlines,
    raise_to_level,
    surface_level,
)
from dreamgaussian.meshing.field import DensityField
from meshing.shapes import coverage, field_of, grid, trimesh_of


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
    level, _ = surface_level(field, [disc(0.35, azimuth) for azimuth in (0, 80, 200)])
    mesh = extract_surface(field, level)
    assert float(mesh.vertices.norm(dim=1).mean()) == pytest.approx(0.35, abs=0.005)


def test_outlines_of_nothing_are_an_empty_result():
    empty = Outline(torch.zeros(32, 32), Camera.orbit(0, 0, 32))
    with pytest.raises(EmptyResult, match="too faint"):
        surface_level(field_of(0.4 - grid(1.2, 16).norm(dim=-1), 1.2), [empty])


def ball_field() -> DensityField:
    """A ball of radius 0.35 and density 5."""
    ramp = field_of(grid(1.2, 64)[..., 0], 1.2)
    return replace(ramp, density=5 * ((0.35 - ramp.points.norm(dim=-1)) / ramp.spacing).clamp(0, 1))


ALL_ROUND = [disc(0.35, azimuth) for azimuth in range(0, 360, 60)]


def test_a_crisp_field_of_thin_parts_is_not_blurred():
    points = grid(1.2, 64)
    ring = 0.05 - (((points[..., 0] ** 2 + points[..., 1] ** 2).sqrt() - 0.4) ** 2 + points[..., 2] ** 2).sqrt()
    crisp = field_of(ring, 1.2)
    surface = extract_surface(crisp, 1.0)
    cameras = [Camera.orbit(azimuth, 20, 128) for azimuth in range(0, 360, 60)]
    outlines = [Outline(coverage(surface, camera), camera) for camera in cameras]
    assert fit_iso_level(crisp, outlines)[0] is crisp


def test_a_field_of_spikes_is_blurred():
    haze = ball_field()
    spikes = (torch.rand(haze.density.shape, generator=torch.Generator().manual_seed(0)) < 0.002).float()
    shells = 5 * spikes * (haze.points.norm(dim=-1) < 0.5)
    field = replace(haze, density=haze.density + shells)
    matched, level = fit_iso_level(field, ALL_ROUND)
    assert matched is not field
    assert surface_level(matched, ALL_ROUND)[1] < surface_level(field, ALL_ROUND)[1]
    assert level < 5


def test_blurring_keeps_the_amount():
    field = ball_field()
    assert float(blurred(field, 2.0).density.sum()) == pytest.approx(float(field.density.sum()), rel=1e-3)


def test_carving_cuts_along_the_outline_and_nowhere_else():
    field = field_of(0.5 - grid(1.2, 64).norm(dim=-1), 1.2)
    outline = disc(0.3, 0)
    carved = extract_surface(carve(field, 1.0, outline), 1.0)
    pixels, _ = outline.camera.project(carved.vertices)
    radius_px = outline.camera.focal_px * math.tan(math.asin(0.3 / outline.camera.radius))
    distances = (pixels - 64).norm(dim=1)
    assert float(distances.max()) < radius_px + 0.7
    on_wall = distances > radius_px - 0.7
    ends = carved.vertices[~on_wall].norm(dim=1)
    torch.testing.assert_close(ends, torch.full_like(ends, 0.5), atol=0.01, rtol=0)
    assert trimesh_of(carved).is_watertight


def test_carving_along_a_wider_outline_changes_nothing():
    field = field_of(0.3 - grid(1.2, 64).norm(dim=-1), 1.2)
    carved = extract_surface(carve(field, 1.0, disc(0.45, 30)), 1.0)
    torch.testing.assert_close(carved.vertices, extract_surface(field, 1.0).vertices)


def test_lifting_makes_the_surface_fill_the_true_outline():
    ramp = field_of(grid(1.2, 64)[..., 0], 1.2)
    field = replace(ramp, density=3 * torch.exp(-0.5 * (ramp.points.norm(dim=-1) / 0.15) ** 2))
    outline = disc(0.35, 30)
    surface = extract_surface(carve(raise_to_level(field, 1.0, outline), 1.0, outline), 1.0)
    seen = coverage(surface, outline.camera) > 0.5
    true = outline.alpha > 0.5
    assert int((seen & true).sum()) / int((seen | true).sum()) > 0.97
    assert trimesh_of(surface).is_watertight


def test_lifting_towards_an_outline_that_is_filled_already_changes_nothing():
    field = field_of(0.4 - grid(1.2, 64).norm(dim=-1), 1.2)
    lifted = extract_surface(raise_to_level(field, 1.0, disc(0.3, 0)), 1.0)
    torch.testing.assert_close(lifted.vertices, extract_surface(field, 1.0).vertices)


def test_several_outlines_are_filled_where_all_of_them_allow_it():
    """The cloud lies nearer to the front camera than the truth, a ball round the origin that front and side show."""
    ramp = field_of(grid(1.2, 64)[..., 0], 1.2)
    aside = ramp.points - torch.tensor([0.0, 0.0, 0.15])
    field = replace(ramp, density=3 * torch.exp(-0.5 * (aside.norm(dim=-1) / 0.15) ** 2))
    outlines = [disc(0.35, 0), disc(0.35, 90)]
    surface = extract_surface(match_true_outlines(field, 1.0, outlines), 1.0)
    for outline in outlines:
        seen = coverage(surface, outline.camera) > 0.5
        true = outline.alpha > 0.5
        assert int((seen & true).sum()) / int((seen | true).sum()) > 0.97


def test_the_first_outline_is_filled_where_the_depth_is_wrong():
    """The cloud is flat and lies behind the middle, where the back image's cone leaves less room than the front's."""
    ramp = field_of(grid(1.2, 64)[..., 0], 1.2)
    aside = (ramp.points - torch.tensor([0.0, 0.0, -0.15])) / torch.tensor([0.15, 0.15, 0.06])
    field = replace(ramp, density=3 * torch.exp(-0.5 * aside.square().sum(dim=-1)))
    front, back = disc(0.35, 0), disc(0.35, 180)
    surface = extract_surface(match_true_outlines(field, 1.0, [front, back]), 1.0)
    for outline, least in ((front, 0.96), (back, 0.94)):
        seen = coverage(surface, outline.camera) > 0.5
        true = outline.alpha > 0.5
        assert int((seen & true).sum()) / int((seen | true).sum()) > least
