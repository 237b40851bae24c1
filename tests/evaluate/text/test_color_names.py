import numpy as np

from dreamgaussian.evaluate.text.color_names import color_names


def test_colors_are_named_by_how_much_they_cover() -> None:
    view = np.zeros((1, 10, 10, 4), dtype=np.uint8)
    view[0, :6] = (190, 30, 30, 255)
    view[0, 6:9] = (245, 245, 245, 255)
    view[0, 9, :5] = (30, 60, 200, 255)
    assert color_names(view) == ("red", "white")


def test_nothing_has_no_colors() -> None:
    assert color_names(np.zeros((1, 4, 4, 4), dtype=np.uint8)) == ()
