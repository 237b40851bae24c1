import numpy as np

from factory.objects import merge
from factory.pairs import draw_pairs
from factory.shapes import draw_shapes


def test_a_pair_stands_side_by_side_on_one_floor() -> None:
    pair = draw_pairs(draw_shapes(), 0)[0]
    model, first = pair.load(), pair.first.load()
    assert model is not None
    assert first is not None
    left, right = np.split(model.vertices, [len(first.vertices)])
    assert left[:, 0].max() <= right[:, 0].min() + 1e-9
    assert left[:, 1].min() == right[:, 1].min() == 0
    assert pair.name == f"{pair.first.name} and {pair.second.name}"


def test_pairs_are_different_things_and_always_the_same() -> None:
    shapes = draw_shapes()
    pairs = draw_pairs(shapes, 0)
    assert pairs == draw_pairs(shapes, 0)
    assert all(pair.first != pair.second for pair in pairs)
    assert len({pair.key for pair in pairs}) == len(pairs)
    assert draw_pairs(shapes[:1], 0) == []


def test_merged_models_keep_their_own_materials() -> None:
    one, other = (shape.load() for shape in draw_shapes()[:2])
    both = merge([one, other])
    last = both.face_materials[-1]
    assert both.materials[last] is other.materials[other.face_materials[-1]]
    corner = both.faces[len(one.faces), 0]
    assert (both.vertices[corner] == other.vertices[other.faces[0, 0]]).all()
