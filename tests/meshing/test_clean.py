from dataclasses import replace

import numpy as np
import pytest
import torch

from dreamgaussian.core.camera import Camera
from dreamgaussian.core.errors import EmptyResult
from dreamgaussian.core.mesh import Mesh
from dreamgaussian.meshing.clean import (
    clean,
    close_cavities,
    decimate,
    keep_solids,
    signed_volumes,
    smooth,
    without_fins,
)
from dreamgaussian.meshing.extract import extract_surface
from meshing.shapes import box, coverage, field_of, grid, joined, mesh_of, sphere, trimesh_of


def inside_out(mesh: Mesh) -> Mesh:
    return Mesh(mesh.vertices, mesh.faces.flip(1))


def test_floaters_go_and_large_pieces_stay():
    two = joined(sphere(0.5), box((0.6, 0.6, 0.6), center=(2, 0, 0)))
    kept = keep_solids(joined(two, sphere(0.05, 2)), 0.02)
    assert kept.faces.shape == two.faces.shape
    torch.testing.assert_close(signed_volumes(kept).sum(), signed_volumes(two).sum())


def test_internal_shells_go():
    kept = keep_solids(joined(sphere(0.5), inside_out(sphere(0.3))), 0.02)
    assert kept.faces.shape == sphere(0.5).faces.shape
    assert float(kept.vertices.norm(dim=1).min()) > 0.49


def test_unused_vertices_go_with_their_faces():
    kept = keep_solids(joined(sphere(0.5), sphere(0.05, 2)), 0.02)
    assert sorted(set(kept.faces.reshape(-1).tolist())) == list(range(kept.vertices.shape[0]))


def test_a_mesh_turned_inside_out_is_an_empty_result():
    with pytest.raises(EmptyResult, match="no volume"):
        keep_solids(inside_out(sphere()), 0.02)


def test_a_mesh_without_faces_is_an_empty_result():
    with pytest.raises(EmptyResult, match="no faces"):
        keep_solids(Mesh(torch.zeros(3, 3), torch.zeros(0, 3, dtype=torch.long)), 0.02)


def hollow_ball(hole: float, inner: float = 0.3) -> torch.Tensor:
    """Signed distances to a shell between radii `inner` and 0.4 with a hole along +y; a cell is 0.016 wide."""
    points = grid(1.0, 64)
    radii = points.norm(dim=-1)
    shell = torch.minimum(0.4 - radii, radii - inner)
    across = (points[..., 0] ** 2 + points[..., 2] ** 2).sqrt()
    return torch.where(points[..., 1] > 0, torch.minimum(shell, across - hole), shell)


def volume(field_distance: torch.Tensor, opening: int) -> float:
    sealed = close_cavities(field_of(field_distance, 1.0), 1.0, opening)
    return float(signed_volumes(extract_surface(sealed, 1.0)).sum())


def test_a_hollow_behind_a_small_hole_is_filled():
    full = 4 / 3 * np.pi * 0.4**3
    assert volume(hollow_ball(0.03), 0) < 0.65 * full
    assert volume(hollow_ball(0.03), 3) == pytest.approx(full, rel=0.02)


def test_a_larger_ball_finds_what_lies_behind_larger_holes_and_in_narrow_hollows_too():
    full = 4 / 3 * np.pi * 0.4**3
    assert volume(hollow_ball(0.08), 3) < 0.65 * full
    assert volume(hollow_ball(0.08), 6) == pytest.approx(full, rel=0.04)
    narrow = hollow_ball(0.03, inner=0.08)  # five cells, where a ball of six has no room
    assert volume(narrow, 6) == volume(narrow, 3) > volume(narrow, 0)


def test_a_bowl_stays_open():
    bowl = hollow_ball(0.2)
    assert volume(bowl, 6) == pytest.approx(volume(bowl, 0), rel=1e-6)


def test_the_hole_of_a_ring_stays_open():
    points = grid(1.0, 64)
    ring = 0.1 - (((points[..., 0] ** 2 + points[..., 2] ** 2).sqrt() - 0.3) ** 2 + points[..., 1] ** 2).sqrt()
    mesh = extract_surface(close_cavities(field_of(ring, 1.0), 1.0, 6), 1.0)
    assert trimesh_of(mesh).euler_number == 0


def test_smoothing_takes_off_noise_and_keeps_the_volume():
    ball = sphere(0.5, 5)
    noise = 0.01 * torch.randn(ball.vertices.shape, generator=torch.Generator().manual_seed(0))
    smoothed = smooth(Mesh(ball.vertices + noise, ball.faces), 10)
    assert float((smoothed.vertices.norm(dim=1) - 0.5).std()) < 0.5 * 0.01
    assert float(signed_volumes(smoothed).sum()) == pytest.approx(float(signed_volumes(ball).sum()), rel=0.02)


def test_no_smoothing_changes_nothing():
    assert smooth(sphere(), 0).vertices.equal(sphere().vertices)


def test_decimation_reaches_the_target_and_keeps_the_surface_closed():
    few = decimate(sphere(0.5, 5), 2000)
    assert 1900 < few.faces.shape[0] <= 2000
    assert trimesh_of(few).is_watertight
    assert float((few.vertices.norm(dim=1) - 0.5).abs().max()) < 0.01


def test_a_mesh_below_the_target_is_left_alone():
    assert decimate(sphere(), 10**6).vertices.equal(sphere().vertices)


def test_back_to_back_faces_go():
    faces = np.array([[0, 1, 2], [2, 3, 4], [1, 0, 2]])
    assert without_fins(faces).tolist() == [[2, 3, 4]]


def test_cleaning_leaves_one_closed_solid():
    rough = mesh_of(trimesh_of(joined(sphere(0.5, 5), inside_out(sphere(0.3)), sphere(0.03, 1))))
    cleaned = trimesh_of(decimate(clean(rough), 3000))
    assert cleaned.is_watertight
    assert cleaned.body_count == 1
    assert len(cleaned.faces) <= 3000


@pytest.mark.parametrize("faces", [1000, 5000])
def test_decimation_keeps_the_silhouette(faces: int):
    ball = sphere(0.5, 5)
    lobed = replace(ball, vertices=ball.vertices * (1 + 0.2 * torch.sin(9 * ball.vertices[:, :1])))
    for azimuth in (0, 40, 90):
        camera = Camera.orbit(azimuth, 15, 256)
        before, after = (coverage(mesh, camera) > 0.5 for mesh in (lobed, decimate(lobed, faces)))
        assert int((before & after).sum()) / int((before | after).sum()) > 0.99
