import pytest
import torch

from dreamgaussian.core.camera import Camera
from dreamgaussian.core.mesh import Mesh
from dreamgaussian.meshing.displacement import fill_concavities, smooth_along_rays
from meshing.shapes import coverage, field_of, grid, sphere

FRONT = Camera.orbit(0, 15, 128)


def grooved(width: float) -> torch.Tensor:
    """Signed distances to a block with a groove of the given width down its front."""
    x, y, z = grid(1.2, 64).unbind(-1)
    block = torch.stack([0.4 - x.abs(), 0.4 - y.abs(), 0.3 - z.abs()]).amin(dim=0)
    groove = torch.stack([width / 2 - x.abs(), z - 0.1]).amin(dim=0)
    return torch.minimum(block, -groove)


@pytest.mark.parametrize(("width", "filled"), [(0.05, True), (0.2, False)])
def test_narrow_grooves_are_filled_and_wide_ones_stay(width: float, filled: bool):
    field = fill_concavities(field_of(grooved(width), 1.2), 1.0, 0.24)
    inside_groove = field.density[32, 32, 40]
    assert bool(inside_groove > 1) is filled


def test_nothing_grows_outwards_where_there_is_no_groove():
    field = field_of(0.4 - grid(1.2, 64).norm(dim=-1), 1.2)
    assert torch.equal(fill_concavities(field, 1.0, 0.24).density, field.density)


def rippled(wave: float) -> Mesh:
    """A ball with ripples of a given wavelength, drawn along the front camera's rays."""
    ball = sphere(0.5, 5)
    rays = torch.nn.functional.normalize(ball.vertices - FRONT.position.float(), dim=1)
    phase = 2 * torch.pi / wave * ball.vertices
    height = 0.01 * torch.sin(phase[:, :1]) * torch.sin(phase[:, 1:2])
    return Mesh(ball.vertices + height * rays, ball.faces)


def roughness(mesh: Mesh) -> float:
    """How far the middle of the front lies off the ball, RMS."""
    off = mesh.vertices.norm(dim=1) - 0.5
    return float(off[sphere(0.5, 5).vertices[:, 2] > 0.35].pow(2).mean().sqrt())


def test_narrow_relief_is_flattened_and_wide_relief_stays():
    assert roughness(smooth_along_rays(rippled(0.1), FRONT, 0.2)) < 0.2 * roughness(rippled(0.1))
    assert roughness(smooth_along_rays(rippled(0.6), FRONT, 0.2)) > 0.8 * roughness(rippled(0.6))


def test_a_settled_surface_has_the_same_outline_for_the_camera():
    before, after = rippled(0.1), smooth_along_rays(rippled(0.1), FRONT, 0.2)
    shift = after.vertices - before.vertices
    rays = torch.nn.functional.normalize(before.vertices - FRONT.position.float(), dim=1)
    assert float(shift.norm(dim=1).max()) > 0.005
    assert float(torch.linalg.cross(shift, rays).norm(dim=1).max()) < 1e-5
    outlines = [coverage(mesh, FRONT, 4) for mesh in (before, after)]
    assert float((outlines[0] - outlines[1]).abs().sum() / outlines[0].sum()) < 1e-3
