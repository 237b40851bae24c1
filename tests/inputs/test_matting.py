from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from skimage import data

from dreamgaussian.core.errors import WeightsUnavailable
from dreamgaussian.inputs import matting

EXAMPLES = Path(__file__).parents[2] / "examples"


def example(name: str, side: int = 256) -> np.ndarray:
    image = Image.open(EXAMPLES / name).convert("RGBA").resize((side, side))
    return np.asarray(image, dtype=np.float32) / 255


@pytest.fixture(scope="module")
def cup() -> np.ndarray:
    """The cut-out of a photo of a cup of coffee on a table."""
    return matting.remove_background(data.coffee().astype(np.float32) / 255)


def disc(side: int, radius: float, softness: float = 1.5) -> np.ndarray:
    y, x = np.mgrid[:side, :side] + 0.5 - side / 2
    return ((radius - np.hypot(x, y)) / softness + 0.5).clip(0, 1).astype(np.float32)


def test_the_cup_is_cut_out_of_the_photo(cup: np.ndarray) -> None:
    alpha = cup[..., 3]
    assert alpha[180, 300] == 1  # the coffee
    assert alpha[350, 300] > 0.9  # the saucer
    assert alpha[:10].max() == alpha[:, :20].max() == alpha[:, -20:].max() == 0  # the table
    assert 0.4 < alpha.mean() < 0.55


def test_a_photo_is_cut_decisively(cup: np.ndarray) -> None:
    assert ((cup[..., 3] > 0.05) & (cup[..., 3] < 0.95)).mean() < 0.02


@pytest.mark.parametrize(
    ("name", "background"),
    [
        ("hamburger.png", (1.0, 1.0, 1.0)),
        ("teddy-bear.webp", (0.2, 0.25, 0.2)),
        ("robot.webp", (0.85, 0.9, 0.95)),
        ("penguin.webp", (0.1, 0.1, 0.1)),
    ],
)
def test_an_example_over_a_background_is_found_again(name: str, background: tuple[float, ...]) -> None:
    rgba = example(name)
    alpha = rgba[..., 3:]
    found = matting.remove_background(rgba[..., :3] * alpha + (1 - alpha) * np.float32(background))[..., 3]
    both, either = np.minimum(found, alpha[..., 0]).sum(), np.maximum(found, alpha[..., 0]).sum()
    assert both / either > 0.95


def test_an_empty_scene_has_no_subject() -> None:
    sky = np.linspace(0.3, 0.6, 240, dtype=np.float32)[:, None, None] * np.ones((1, 320, 3), np.float32)
    assert matting.remove_background(sky)[..., 3].max() < 0.5


@pytest.mark.parametrize("shape", [(16, 16), (17, 300)])
def test_any_shape_is_taken(shape: tuple[int, int]) -> None:
    rgb = np.random.default_rng(0).random((*shape, 3), dtype=np.float32)
    rgba = matting.remove_background(rgb)
    assert rgba.shape == (*shape, 4)
    assert np.isfinite(rgba).all()
    assert rgba.min() >= 0
    assert rgba.max() <= 1


def test_a_black_image_is_no_division_by_zero() -> None:
    assert np.isfinite(matting.remove_background(np.zeros((32, 32, 3), np.float32))).all()


def test_refining_draws_a_blurred_outline_to_the_edge_in_the_image() -> None:
    truth, blurred = disc(240, 70), disc(240, 70, softness=12)
    rgb = truth[..., None] * np.float32([0.8, 0.3, 0.2]) + (1 - truth[..., None]) * np.float32([0.2, 0.4, 0.3])
    refined = matting.refine_alpha(blurred, rgb)
    assert np.abs(refined - truth).mean() < 0.3 * np.abs(blurred - truth).mean()


def test_specks_are_cleared_and_pinholes_filled_but_true_holes_stay() -> None:
    alpha = disc(300, 100)
    alpha[10:14, 10:14] = 1  # speck
    alpha[150:153, 200:203] = 0  # pinhole
    alpha[140:170, 120:150] = 0  # the hole in a handle
    cleaned = matting.clean_alpha(alpha)
    assert cleaned[10:14, 10:14].max() == 0
    assert cleaned[150:153, 200:203].min() == 1
    assert cleaned[140:170, 120:150].max() == 0


def test_alpha_is_partial_only_along_the_outline() -> None:
    alpha = disc(300, 100)
    alpha[130:160, 100:200] = 0.7  # the network in doubt
    cleaned = matting.clean_alpha(alpha)
    assert cleaned[135:155, 105:195].min() == 1
    edge = (disc(300, 100) > 0.3) & (disc(300, 100) < 0.7)
    np.testing.assert_array_equal(cleaned[edge], alpha[edge])


def test_large_islands_are_kept_together() -> None:
    mask = np.zeros((50, 50), dtype=bool)
    mask[5:25, 5:25] = mask[30:45, 30:45] = mask[2, 2] = True
    kept = matting.large_components(mask, 0.05)
    assert kept[10, 10]
    assert kept[40, 40]
    assert not kept[2, 2]
    assert not matting.large_components(np.zeros((5, 5), dtype=bool), 0.05).any()


def test_the_background_leaves_no_halo() -> None:
    alpha = disc(240, 70, softness=6)
    subject, background = np.float32([0.1, 0.2, 0.6]), np.float32([1, 1, 1])
    mixed = alpha[..., None] * subject + (1 - alpha[..., None]) * background
    colors = matting.foreground_colors(mixed, alpha)
    edge = (alpha > 0.1) & (alpha < 0.9)
    assert np.abs(mixed[edge] - subject).mean() > 0.3  # the halo
    assert np.abs(colors[edge] - subject).mean() < 0.03


def test_opaque_pixels_keep_their_colours() -> None:
    alpha = disc(120, 40)
    rgb = np.random.default_rng(0).random((120, 120, 3), dtype=np.float32)
    colors = matting.foreground_colors(rgb, alpha)
    np.testing.assert_allclose(colors[alpha == 1], rgb[alpha == 1], atol=1e-5)


def test_missing_weights_are_named(tmp_path: Path) -> None:
    with pytest.raises(
        WeightsUnavailable, match=r"are not at .*gone\.onnx\. Reinstall dreamgaussian, or give an image"
    ):
        matting.saliency(np.ones((32, 32, 3), np.float32), tmp_path / "gone.onnx")


def test_the_network_gives_the_same_bits_again() -> None:
    rgb = example("teapot.webp")[..., :3]
    np.testing.assert_array_equal(matting.saliency(rgb), matting.saliency(rgb))
