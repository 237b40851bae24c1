"""What holds for every scene and every rasteriser."""

import math
from dataclasses import replace

import pytest
import torch

from dreamgaussian.core.camera import Camera
from dreamgaussian.core.errors import Diverged
from dreamgaussian.core.gaussians import Gaussians
from dreamgaussian.raster import Rasterizer, Render
from raster.scenes import Scene, cloud, everything

CAMERA = Camera.orbit(30, 20, (37, 29))
IMAGES = ("color", "alpha", "depth")


def assert_same_images(a: Render, b: Render, *, depth_scale: float = 1.0) -> None:
    torch.testing.assert_close(a.color, b.color, atol=2e-5, rtol=0)
    torch.testing.assert_close(a.alpha, b.alpha, atol=2e-5, rtol=0)
    torch.testing.assert_close(a.depth * depth_scale, b.depth, atol=1e-4, rtol=0)


def turned(gaussians: Gaussians, axis: torch.Tensor, angle: float) -> tuple[Gaussians, torch.Tensor]:
    """The Gaussians turned round an axis through the origin, and the rotation matrix."""
    axis = axis / axis.norm()
    w, (x, y, z) = math.cos(angle / 2), (math.sin(angle / 2) * axis).tolist()
    left = torch.tensor([[w, -x, -y, -z], [x, w, -z, y], [y, z, w, -x], [z, -y, x, w]])  # q * p = left @ p
    cross = torch.tensor([[0, -z, y], [z, 0, -x], [-y, x, 0]], dtype=torch.float64)
    matrix = torch.eye(3, dtype=torch.float64) + 2 * w * cross + 2 * cross @ cross
    return (
        replace(
            gaussians,
            means=(gaussians.means.double() @ matrix.T).float(),
            quats_wxyz=gaussians.quats_wxyz @ left.T,
        ),
        matrix,
    )


def test_turning_the_scene_and_the_camera_together_changes_nothing(rasterizer: Rasterizer) -> None:
    gaussians = cloud(80, seed=1)
    moved, matrix = turned(gaussians, torch.tensor([0.3, -0.5, 0.8]), 1.1)
    turn = torch.eye(4, dtype=torch.float64)
    turn[:3, :3] = matrix
    camera = replace(CAMERA, camera_from_world=CAMERA.camera_from_world @ turn.T)
    assert_same_images(rasterizer.render(gaussians, CAMERA), rasterizer.render(moved, camera))


def test_scaling_the_world_and_the_camera_together_changes_nothing_but_depths(rasterizer: Rasterizer) -> None:
    gaussians = cloud(80, seed=2)
    larger = replace(gaussians, means=3 * gaussians.means, log_scales=gaussians.log_scales + math.log(3))
    camera = Camera.orbit(30, 20, (37, 29), radius=6)
    assert_same_images(rasterizer.render(gaussians, CAMERA), rasterizer.render(larger, camera), depth_scale=3)


def test_the_order_of_the_gaussians_changes_nothing(rasterizer: Rasterizer) -> None:
    gaussians = cloud(80, seed=3)
    order = torch.randperm(80, generator=torch.Generator().manual_seed(0))
    a, b = (everything(rasterizer, Scene(each, CAMERA)) for each in (gaussians, gaussians[order]))
    for name in IMAGES:
        torch.testing.assert_close(a[name], b[name], atol=2e-5, rtol=0)
    for name in ("gradient of means", "gradient of log_scales", "gradient of screen_means", "radii"):
        error = (a[name][order] - b[name]).norm() / a[name].norm()
        assert error < 1e-4, name


def test_a_crop_shows_the_same_pixels(rasterizer: Rasterizer) -> None:
    # The principal point is at the centre: a wider image adds as many columns left as right. Far off
    # the narrower one the projection is clamped, hence only what is well inside.
    gaussians = cloud(80, seed=4)
    inner = gaussians[gaussians.means.norm(dim=1) < 0.6]
    wide, narrow = (rasterizer.render(inner, camera) for camera in (Camera.orbit(30, 20, (57, 29)), CAMERA))
    torch.testing.assert_close(wide.color[:, 10:47], narrow.color, atol=2e-5, rtol=0)


POISONS = [float("nan"), float("inf"), -float("inf")]


@pytest.mark.parametrize("name", Gaussians.names())
@pytest.mark.parametrize("poison", POISONS)
def test_a_number_that_is_not_finite_is_named(rasterizer: Rasterizer, name: str, poison: float) -> None:
    gaussians = cloud(20)
    gaussians.tensors()[name][7] = poison
    with pytest.raises(Diverged, match=f"{name} of 1 of 20 Gaussians .* number 7"):
        rasterizer.render(gaussians, CAMERA)


def test_an_extra_channel_that_is_not_finite_is_named(rasterizer: Rasterizer) -> None:
    extra = torch.zeros(20, 3)
    extra[3, 1] = float("nan")
    with pytest.raises(Diverged, match="extra"):
        rasterizer.render(cloud(20), CAMERA, extra=extra)


def test_a_zero_quaternion_counts_as_the_identity(rasterizer: Rasterizer) -> None:
    gaussians = cloud(20)
    upright = replace(gaussians, quats_wxyz=gaussians.quats_wxyz.clone())
    upright.quats_wxyz[5] = torch.tensor([1.0, 0.0, 0.0, 0.0])
    gaussians.quats_wxyz[5] = 0
    found, expected = (everything(rasterizer, Scene(each, CAMERA)) for each in (gaussians, upright))
    for name in IMAGES:
        torch.testing.assert_close(found[name], expected[name], atol=1e-6, rtol=0)
    assert all(torch.isfinite(tensor).all() for tensor in found.values())
