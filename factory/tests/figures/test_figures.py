from collections import Counter

import numpy as np
import pytest

from factory.figures import CATEGORIES, draw_figures

KINDS = [(category, name) for category, kinds in CATEGORIES.items() for name in kinds]


def test_figures_are_always_the_same_and_of_all_kinds() -> None:
    figures = draw_figures()
    assert figures == draw_figures()
    assert len({figure.key for figure in figures}) == len(figures) > 400
    assert {(figure.category, figure.name) for figure in figures} == set(KINDS)
    assert Counter(figure.library for figure in figures)["Figures: food"] == 8 * len(CATEGORIES["Food"])


@pytest.mark.parametrize(("category", "name"), KINDS)
def test_every_kind_is_a_painted_model_of_sensible_size(category: str, name: str) -> None:
    figure = next(figure for figure in draw_figures() if figure.name == name and figure.category == category)
    model = figure.load(texture_side=16)
    assert np.isfinite(model.vertices).all()
    size = np.ptp(model.vertices[np.unique(model.faces)], axis=0)
    assert size.min() > 0.1
    assert 0.6 < size.max() < 4
    assert model.faces.max() < len(model.vertices) == len(model.uvs)
    textures = [material.texture for material in model.materials if material.texture is not None]
    assert len(textures) == len(model.materials)
    assert all(texture.min() >= 0 and texture.max() <= 1 for texture in textures)


def test_a_figure_is_the_same_at_every_load_and_another_is_different() -> None:
    first, second = draw_figures()[:2]
    assert first.load(16).geometry_hash == first.load(16).geometry_hash
    assert first.load(16).geometry_hash != second.load(16).geometry_hash
