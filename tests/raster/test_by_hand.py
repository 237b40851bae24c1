"""Images of 5 x 5 pixels whose values are worked out by hand."""

import math

import pytest
import torch

from dreamgaussian.core.camera import Camera
from dreamgaussian.core.gaussians import Gaussians
from dreamgaussian.raster import Rasterizer
from raster.scenes import Scene, dot, everything, small_camera, with_gradients

# 0.5 exp(-d²/2) at d² = 0, 1, 2, 4, 5 and 8 from the middle; the corners, at 0.0092, are above 1/255.
C, D1, D2, D4, D5, D8 = 0.5, 0.3032653, 0.1839397, 0.0676676, 0.0410425, 0.0091578
ALPHA = torch.tensor(
    [
        [D8, D5, D4, D5, D8],
        [D5, D2, D1, D2, D5],
        [D4, D1, C, D1, D4],
        [D5, D2, D1, D2, D5],
        [D8, D5, D4, D5, D8],
    ]
)


def test_one_gaussian(rasterizer: Rasterizer) -> None:
    render = rasterizer.render(dot(color=(1.0, 0.5, 0.0)), small_camera(), extra=torch.tensor([[3.0, -1.0]]))
    torch.testing.assert_close(render.alpha, ALPHA, atol=1e-6, rtol=0)
    torch.testing.assert_close(render.color, ALPHA[..., None] * torch.tensor([1.0, 0.5, 0.0]), atol=1e-6, rtol=0)
    torch.testing.assert_close(render.depth, 2 * ALPHA, atol=1e-5, rtol=0)
    torch.testing.assert_close(render.expected_depth, torch.full((5, 5), 2.0))
    torch.testing.assert_close(render.extra, ALPHA[..., None] * torch.tensor([3.0, -1.0]), atol=1e-5, rtol=0)
    torch.testing.assert_close(render.screen_means, torch.tensor([[2.5, 2.5]]))
    torch.testing.assert_close(render.radii, torch.tensor([math.sqrt(2 * math.log(255 * 0.5))]))


def test_below_one_255th_nothing_is_drawn(rasterizer: Rasterizer) -> None:
    alpha = rasterizer.render(dot(opacity=0.2), small_camera()).alpha
    assert torch.equal(alpha == 0, ALPHA == D8)  # 0.2 exp(-4) = 0.0037


def test_y_points_up_and_x_to_the_right(rasterizer: Rasterizer) -> None:
    pixel = 2 / small_camera().focal_px  # one pixel at the origin's distance
    render = rasterizer.render(dot(at=(pixel, 2 * pixel, 0.0)), small_camera())
    torch.testing.assert_close(render.screen_means, torch.tensor([[3.5, 0.5]]))
    assert divmod(int(render.alpha.argmax()), 5) == (0, 3)


def test_an_opaque_gaussian_in_front_hides_all_but_a_thousandth(rasterizer: Rasterizer) -> None:
    front = dot(at=(0.0, 0.0, 0.5), opacity=1 - 1e-6, color=(1.0, 0.0, 0.0))
    back = dot(opacity=0.5, color=(0.0, 1.0, 0.0))
    render = rasterizer.render(Gaussians.concatenate([back, front]), small_camera())
    torch.testing.assert_close(render.color[2, 2], torch.tensor([0.999, 0.0005, 0.0]), atol=1e-6, rtol=0)
    torch.testing.assert_close(render.alpha[2, 2], torch.tensor(0.9995), atol=1e-6, rtol=0)
    torch.testing.assert_close(render.depth[2, 2], torch.tensor(0.999 * 1.5 + 0.0005 * 2), atol=1e-5, rtol=0)


def test_a_pixel_is_finished_before_a_ten_thousandth_is_left(rasterizer: Rasterizer) -> None:
    # Transmittances 1, 0.1, 0.01, 0.001; the fourth would leave 0.0001 or a little less, and is not drawn.
    stack = [dot(at=(0.0, 0.0, 0.1 * k), opacity=0.9001, color=(1.0, 1.0, 1.0)) for k in range(6)]
    alpha = rasterizer.render(Gaussians.concatenate(stack), small_camera()).alpha
    torch.testing.assert_close(alpha[2, 2], torch.tensor(1 - 0.0999**3), atol=1e-6, rtol=0)


def test_equal_depths_are_drawn_in_order(rasterizer: Rasterizer) -> None:
    red, green = dot(color=(1.0, 0.0, 0.0)), dot(color=(0.0, 1.0, 0.0))
    for pair, expected in (([red, green], [0.5, 0.25, 0.0]), ([green, red], [0.25, 0.5, 0.0])):
        color = rasterizer.render(Gaussians.concatenate(pair), small_camera()).color
        torch.testing.assert_close(color[2, 2], torch.tensor(expected), atol=1e-6, rtol=0)


@pytest.mark.parametrize(
    "position",
    [(0.0, 0.0, 3.0), (0.0, 0.0, 1.995), (5.0, 0.0, 0.0), (0.0, -5.0, 0.0)],
    ids=["behind the camera", "nearer than the near plane", "right of the image", "below the image"],
)
def test_what_the_camera_does_not_see_leaves_no_trace(
    rasterizer: Rasterizer, position: tuple[float, float, float]
) -> None:
    unseen = dot()
    unseen = Gaussians.concatenate([unseen, dot()])
    unseen.means[0] = torch.tensor(position)
    found = everything(rasterizer, Scene(unseen, small_camera()))
    torch.testing.assert_close(found["alpha"], ALPHA, atol=1e-6, rtol=0)
    assert found["radii"][0] == 0
    for name in ("means", "log_scales", "quats_wxyz", "opacity_logits", "sh", "screen_means"):
        assert not found[f"gradient of {name}"][0].any(), name
        assert torch.isfinite(found[f"gradient of {name}"]).all(), name


def test_no_gaussians_make_an_empty_image(rasterizer: Rasterizer) -> None:
    found = everything(rasterizer, Scene(dot()[torch.arange(0)], Camera.orbit(0, 0, (7, 5))))
    assert found["color"].shape == (5, 7, 3)
    assert not any(found[name].any() for name in ("color", "alpha", "depth"))
    assert found["gradient of means"].shape == (0, 3)


def test_where_alpha_is_capped_the_opacity_has_no_gradient(rasterizer: Rasterizer) -> None:
    gaussians = with_gradients(dot(opacity=1 - 1e-5))
    rasterizer.render(gaussians, small_camera()).alpha[2, 2].backward()
    assert gaussians.opacity_logits.grad is not None
    assert gaussians.opacity_logits.grad.item() == 0


def test_screen_means_gradient_is_in_pixels(rasterizer: Rasterizer) -> None:
    gaussians = with_gradients(dot())
    render = rasterizer.render(gaussians, small_camera())
    render.alpha[1, 4].backward()
    # d/dμ of 0.5 exp(-|p - μ|²/2) is (p - μ) times the value, 0.0410, with p - μ = (2, -1).
    expected = torch.tensor([[2 * D5, -D5]])
    screen = render.screen_means
    assert screen.is_leaf
    torch.testing.assert_close(screen.grad, expected, atol=1e-6, rtol=0)
    # On the axis, moving right in the world moves right on the screen, and up moves up.
    torch.testing.assert_close(
        gaussians.means.grad[:, :2], expected * torch.tensor([1.0, -1.0]) * small_camera().focal_px / 2
    )


def test_gradients_add_up_over_backward_passes(rasterizer: Rasterizer) -> None:
    render = rasterizer.render(with_gradients(dot()), small_camera())
    for _ in range(2):
        render.alpha[1, 4].backward(retain_graph=True)
    torch.testing.assert_close(render.screen_means.grad, 2 * torch.tensor([[2 * D5, -D5]]), atol=1e-6, rtol=0)


def test_without_gradients_nothing_is_recorded(rasterizer: Rasterizer) -> None:
    with torch.no_grad():
        renders = [rasterizer.render(with_gradients(dot()), small_camera())]
    renders.append(rasterizer.render(dot(), small_camera()))
    for render in renders:
        assert not render.color.requires_grad
        assert not render.screen_means.requires_grad
