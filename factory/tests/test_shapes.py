import numpy as np
import pytest

from factory.shapes import KINDS, PATTERNS, draw_shapes, paint, patterned, revolve, sweep


def test_shapes_are_always_the_same_and_of_all_kinds() -> None:
    shapes = draw_shapes()
    assert shapes == draw_shapes()
    assert len({shape.key for shape in shapes}) == len(shapes) == 150
    assert {shape.kind for shape in shapes} == set(KINDS)
    assert {shape.pattern for shape in shapes} == set(PATTERNS)


def test_patterns_are_named_and_plainness_is_not() -> None:
    assert patterned("striped", "vase") == "striped vase"
    assert patterned("plain", "vase") == "vase"


@pytest.mark.parametrize("index", range(len(KINDS)))
def test_every_kind_is_a_model_with_patterns(index: int) -> None:
    model = draw_shapes()[index].load()
    assert np.isfinite(model.vertices).all()
    assert np.ptp(model.vertices, axis=0).min() > 0.1
    assert model.faces.max() < len(model.vertices) == len(model.uvs)
    assert len(model.face_materials) == len(model.faces)
    assert model.face_materials.max() == len(model.materials) - 1


def test_four_sides_make_a_square_prism() -> None:
    grid = revolve(np.array([[0.0, 0.0], [1.0, 0.0], [1.0, 2.0], [0.0, 2.0]]), sides=4)
    assert np.ptp(grid, axis=(0, 1)) == pytest.approx([2**0.5, 2, 2**0.5])


def test_a_tube_keeps_its_radius_round_its_path() -> None:
    angles = np.linspace(0, 4, 60)
    path = np.stack([np.cos(angles), angles / 3, np.sin(angles)], axis=1)
    grid = sweep(path, np.full(60, 0.2))
    assert np.linalg.norm(grid - path[:, None], axis=-1) == pytest.approx(0.2)


@pytest.mark.parametrize("pattern", [name for name in PATTERNS if name != "plain"])
def test_patterns_have_at_least_two_colours(pattern: str) -> None:
    texture = paint(pattern, 64, np.random.default_rng(3))
    assert texture.shape == (64, 64, 4)
    assert texture[..., :3].std(axis=(0, 1)).max() > 0.1
