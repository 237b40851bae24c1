import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from dreamgaussian.text_to_image.attributes import COLORS, MATERIALS, read_look
from dreamgaussian.text_to_image.recolor import oklab, recolor, srgb


def two_tone(main: tuple[float, float, float], part: tuple[float, float, float]) -> np.ndarray:
    """A shaded square of one colour with a stripe of another, a tenth of its size."""
    rgba = np.zeros((40, 40, 4))
    rgba[5:35, 5:35, 3] = 1
    rgba[..., :3] = np.array(main) * np.linspace(0.7, 1.0, 40)[:, None, None]
    rgba[5:8, 5:35, :3] = part
    return rgba


@settings(deadline=None, max_examples=20)
@given(rgb=arrays(np.float64, (5, 3), elements=st.floats(0, 1)))
def test_oklab_there_and_back(rgb):
    assert np.allclose(srgb(oklab(rgb)), rgb, atol=1e-3)


def test_oklab_of_white_and_of_red():
    """Ottosson's own values."""
    found = oklab(np.array([[1.0, 1.0, 1.0], [1.0, 0.0, 0.0]]))
    assert np.allclose(found, [[1, 0, 0], [0.628, 0.225, 0.126]], atol=1e-3)


@pytest.mark.parametrize("word", ["red", "dark green", "white", "black", "pink", "golden", "wooden"])
def test_the_main_colour_becomes_the_asked_one(word):
    look, _ = read_look(word.split())
    assert look is not None
    for main in ((0.2, 0.3, 0.8), (0.05, 0.05, 0.06), (0.9, 0.9, 0.88)):
        found = recolor(two_tone(main, (0.9, 0.8, 0.1)), look)[10:34, 6:34, :3].reshape(-1, 3)
        target = oklab(np.array([int(look.color[i : i + 2], 16) for i in (0, 2, 4)]) / 255)
        assert np.linalg.norm(np.median(oklab(found), axis=0)[1:] - look.chroma * target[1:]) < 0.04
        assert abs(np.median(oklab(found)[:, 0]) - min(look.lightness * target[0], 0.97)) < 0.12


def test_shading_and_small_parts_and_alpha_stay():
    look, _ = read_look(["red"])
    assert look is not None
    before = two_tone((0.2, 0.3, 0.8), (0.9, 0.8, 0.1))
    after = recolor(before, look)
    assert np.array_equal(after[..., 3], before[..., 3].astype(np.float32))
    assert np.abs(after[6, 6:34, :3] - before[6, 6:34, :3]).max() < 0.05
    lightness = oklab(after[10:34, 20, :3].astype(np.float64))[:, 0]
    assert (np.diff(lightness) > 0).all()


def test_every_colour_and_material_gives_a_valid_image():
    before = two_tone((0.5, 0.3, 0.2), (0.1, 0.1, 0.1))
    for word in (*COLORS, *MATERIALS):
        look, _ = read_look([word])
        assert look is not None
        after = recolor(before, look)
        assert np.isfinite(after).all()
        assert after.min() >= 0
        assert after.max() <= 1
