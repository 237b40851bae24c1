"""The baselines, on a disc whose inflation is a ball."""

import pytest
import torch

from dreamgaussian.core.camera import Camera
from dreamgaussian.evaluate.baselines import billboard, copied_view, inflated_mesh, inflated_view, mean_view
from dreamgaussian.evaluate.metrics import iou

SIZE = 128
FRONT = Camera.orbit(0, 15, SIZE)
BALL_RADIUS = 0.5


@pytest.fixture(scope="module")
def ball():
    """A red left and a green right half of a ball of radius 0.5, as the input camera sees it."""
    origin, directions = FRONT.rays()
    missed = (origin + directions * -(directions @ origin)[..., None]).norm(dim=-1)
    alpha = (missed < BALL_RADIUS).float()
    left = (torch.arange(SIZE) < SIZE // 2).float().expand(SIZE, SIZE)
    return torch.stack([alpha * left, alpha * (1 - left), torch.zeros_like(alpha), alpha], dim=-1)


def test_an_inflated_disc_is_nearly_a_ball(ball):
    mesh = inflated_mesh(ball, FRONT)
    towards = FRONT.position / FRONT.radius
    depth = mesh.vertices.double() @ towards
    assert depth.max().item() == pytest.approx(BALL_RADIUS, rel=0.08)
    assert depth.min().item() == pytest.approx(-BALL_RADIUS, rel=0.08)
    assert mesh.vertices.norm(dim=1).max().item() < 1.1 * BALL_RADIUS


def test_an_inflated_disc_faces_outwards(ball):
    mesh = inflated_mesh(ball, FRONT)
    a, b, c = (mesh.vertices[mesh.faces[:, corner]] for corner in range(3))
    outward = (torch.linalg.cross(b - a, c - a) * (a + b + c)).sum(dim=1) > 0
    assert outward.double().mean() > 0.99


@pytest.mark.parametrize("azimuth", [0, 90, 180])
def test_the_inflated_disc_keeps_its_outline_from_all_sides(ball, azimuth):
    view = inflated_view(inflated_mesh(ball, FRONT), ball, FRONT, Camera.orbit(azimuth, 15, SIZE))
    assert iou(view[..., 3], ball[..., 3]) > 0.88  # the outline is the cone's, 3 % wider than the ball


def test_the_inflated_image_goes_right_through(ball):
    mesh = inflated_mesh(ball, FRONT)
    front = inflated_view(mesh, ball, FRONT, FRONT)
    back = inflated_view(mesh, ball, FRONT, Camera.orbit(180, -15, SIZE))
    assert (front[..., :3] - ball[..., :3]).abs().mean() < 0.02
    row = SIZE // 2
    assert back[row, SIZE // 2 + 20, 0] > 0.9
    assert back[row, SIZE // 2 - 20, 1] > 0.9


def test_the_billboard_is_the_image_itself_from_the_input_camera(ball):
    assert (billboard(ball, FRONT, FRONT) - ball).abs().max() < 1e-4


def test_the_billboard_is_mirrored_from_behind_and_gone_from_the_side(ball):
    behind = billboard(ball, FRONT, Camera.orbit(180, -15, SIZE))
    assert (behind - ball.flip(1)).abs().max() < 1e-4
    side = billboard(ball, FRONT, Camera.orbit(90, 0, SIZE))
    assert side[..., 3].mean() < 0.05 * ball[..., 3].mean() + 0.02


def test_copied_and_mean_views_do_not_depend_on_the_camera(ball):
    assert torch.equal(copied_view(ball, 3)[2], ball)
    truth = torch.stack([ball, torch.zeros_like(ball)])
    assert torch.allclose(mean_view(truth)[1], ball / 2)
