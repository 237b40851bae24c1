from pathlib import Path

import numpy as np
import pytest

from factory.catalogue import Furniture
from factory.repaint import Repainted, draw_repainted
from factory.shapes import draw_shapes, patterned

PYRAMID = "v 0 1 0\nv -1 0 -1\nv 1 0 -1\nv 0 0 1\nf 1 2 3\nf 1 3 4\nf 1 4 2\nf 2 4 3\n"


@pytest.fixture
def pyramid(tmp_path: Path) -> Furniture:
    """A plain OBJ file without texture coordinates."""
    (tmp_path / "pyramid.obj").write_text(PYRAMID)
    return Furniture(
        *("a", "Pyramid", "Toys", "Ada", "CC0 1.0", "Tiny", ("Stone",)), tmp_path / "pyramid.obj", rotation=None
    )


def test_only_real_models_are_repainted_and_keep_their_credit(pyramid: Furniture) -> None:
    (painted,) = draw_repainted([*draw_shapes(), pyramid], 0)
    assert painted.name == patterned(painted.pattern, "Pyramid")
    assert (painted.creator, painted.licence, painted.tags) == ("Ada", "CC0 1.0", ("Stone", painted.pattern))
    assert draw_repainted(draw_shapes(), 0) == []


def test_the_shape_stays_and_every_face_shows_the_pattern(pyramid: Furniture) -> None:
    painted = Repainted(*("b", "b", "", "", "", "", ()), item=pyramid, pattern="checked", number=1)
    model, plain = painted.load(), pyramid.load()
    assert model is not None
    assert plain is not None
    assert (model.vertices[model.faces] == plain.vertices[plain.faces]).all()
    corners = model.uvs[model.faces]
    areas = np.linalg.det(corners[:, 1:] - corners[:, :1])
    assert np.abs(areas).min() > 0.1
    assert all(material.texture is not None for material in model.materials)
