from dataclasses import replace

import pytest
import torch

from dreamgaussian.core.errors import Diverged, EmptyResult, InputError
from dreamgaussian.core.framing import SUBJECT_RADIUS, frame_gaussians, frame_points
from dreamgaussian.core.gaussians import Gaussians
from meshing.shapes import shell_gaussians

FAR = torch.tensor([500.0, -80.0, 1000.0])


def test_points_anywhere_are_framed_and_taken_back():
    points = FAR + 40 * torch.randn(100, 3, generator=torch.Generator().manual_seed(0))
    framing = frame_points(points)
    framed = framing.normalize(points)
    assert float(framed.norm(dim=1).max()) == pytest.approx(SUBJECT_RADIUS, rel=1e-4)
    torch.testing.assert_close(framing.denormalize(framed), points, rtol=1e-4, atol=1e-3)


@pytest.mark.parametrize(
    ("points", "message"),
    [(torch.full((4, 3), torch.nan), "not finite"), (torch.ones(4, 3), "lie in one point")],
)
def test_points_without_extent_are_refused(points, message):
    with pytest.raises(InputError, match=message):
        frame_points(points)


def test_a_scene_is_framed_without_its_strays():
    ball = shell_gaussians(2000)
    scene = replace(ball, means=FAR + 60 * ball.means, log_scales=ball.log_scales + torch.tensor(60.0).log())
    stray = scene[torch.arange(4)]
    stray = replace(stray, means=stray.means + 1e5)
    framed, framing = frame_gaussians(Gaussians.concatenate([scene, stray]))
    assert len(framed) == 2000
    torch.testing.assert_close(framing.center, FAR, rtol=0, atol=1.0)
    # A ball's bounding box, whose corners the framing keeps in sight, is wider than the ball.
    assert 0.4 * SUBJECT_RADIUS < float(framed.means.norm(dim=1).max()) < SUBJECT_RADIUS
    torch.testing.assert_close(framed.scales * framing.scale, scene.scales)


def test_a_scene_that_is_not_finite_or_invisible_is_refused():
    ball = shell_gaussians(10)
    with pytest.raises(Diverged, match="not finite"):
        frame_gaussians(replace(ball, log_scales=torch.full((10, 3), torch.inf)))
    with pytest.raises(EmptyResult, match="None of 10 Gaussians"):
        frame_gaussians(replace(ball, opacity_logits=torch.full((10,), -9.0)))
