import pytest
import torch
from mesh.shapes import field_of, grid, trimesh_of

from dreamgaussian.errors import EmptyResult
from dreamgaussian.mesh.extract import extract_surface, surface_level


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


def test_the_level_is_the_wanted_one_where_the_field_is_dense_enough():
    assert surface_level(torch.full((4, 4, 4), 3.0), 1.0) == 1.0


def test_the_level_sinks_with_faint_gaussians():
    assert surface_level(torch.full((4, 4, 4), 0.5), 1.0) == pytest.approx(0.25)


def test_an_empty_field_is_an_empty_result():
    with pytest.raises(EmptyResult, match="too faint"):
        surface_level(torch.full((4, 4, 4), 1e-4), 1.0)
