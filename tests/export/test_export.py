from pathlib import Path

import pytest
import torch

from dreamgaussian.errors import ConfigError
from dreamgaussian.export import GAUSSIAN_ENDINGS, MESH_ENDINGS, save
from dreamgaussian.gaussians import Gaussians
from dreamgaussian.mesh.mesh import Mesh

GAUSSIANS = Gaussians.in_ball(10, 0.5, torch.Generator().manual_seed(0))
MESH = Mesh(torch.eye(3), torch.tensor([[0, 1, 2]]))


@pytest.mark.parametrize(
    ("asset", "endings"), [(GAUSSIANS, GAUSSIAN_ENDINGS), (MESH, MESH_ENDINGS)], ids=["gaussians", "mesh"]
)
def test_the_ending_chooses_the_format(tmp_path: Path, asset: Gaussians | Mesh, endings: tuple[str, ...]) -> None:
    for ending in endings:
        path = tmp_path / f"thing{ending.upper()}"
        save(asset, str(path))
        assert path.stat().st_size > 0


@pytest.mark.parametrize(
    ("asset", "name", "message"),
    [
        (GAUSSIANS, "a.glb", r"a\.glb ends in '\.glb'\. Gaussians can be written as \.ply or \.splat\."),
        (MESH, "a.ply", r"a\.ply ends in '\.ply'\. A mesh can be written as \.glb or \.obj\."),
        (MESH, "a", r"a has no ending\. A mesh can be written as"),
    ],
)
def test_another_ending_is_refused_with_the_known_ones(
    tmp_path: Path, asset: Gaussians | Mesh, name: str, message: str
) -> None:
    with pytest.raises(ConfigError, match=message):
        save(asset, tmp_path / name)
    assert list(tmp_path.iterdir()) == []
