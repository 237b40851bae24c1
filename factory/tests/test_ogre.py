from pathlib import Path

import numpy as np
import pytest

from factory.ogre import read_materials, read_mesh
from factory.tests.tiny_packages import ogre_mesh


@pytest.mark.parametrize("shared", [False, True])
def test_a_submesh_has_its_vertices_wherever_they_are_kept(shared: bool, tmp_path: Path) -> None:
    path = tmp_path / "a.mesh"
    path.write_bytes(ogre_mesh("Fur", shared=shared))
    (part,) = read_mesh(path)
    assert part.material == "Fur"
    assert np.ptp(part.vertices, axis=0).tolist() == [1, 2, 1]
    assert part.uvs.tolist() == [[0.25, 0], [0.25, 0], [0.25, 1], [0.25, 0]]
    assert part.faces.shape == (4, 3)


def test_materials_are_told_apart_by_name() -> None:
    found = read_materials("material A : Base\n{ texture a.png }\n  material B\n{ texture b.png }")
    assert set(found) == {"A", "B"}
    assert "a.png" in found["A"]
    assert "b.png" not in found["A"]
