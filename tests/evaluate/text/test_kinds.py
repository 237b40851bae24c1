import pytest
import torch
import torch.nn.functional as F

from dreamgaussian.core.errors import InputError
from dreamgaussian.evaluate.text.kinds import judge_cameras, opposite_similarity, read_kinds
from factory.kinds import APART, write_kinds


def around(center: torch.Tensor, seed: int) -> torch.Tensor:
    noise = 0.01 * torch.randn(8, 1280, generator=torch.Generator().manual_seed(seed))
    return F.normalize(center + noise, dim=1)


def test_an_asset_is_told_by_the_nearest_centroid(tmp_path):
    centers = F.normalize(torch.randn(3, 1280, generator=torch.Generator().manual_seed(9)), dim=1)
    features = {name: [around(centers[i], i), around(centers[i], i + 9)] for i, name in enumerate(("a", "b", "c"))}
    write_kinds(tmp_path / "kinds.npz", features)
    kinds = read_kinds(tmp_path / "kinds.npz")
    assert kinds.names == ("a", "b", "c")
    assert kinds.true_top == (1.0, 1.0)
    assert kinds.ranking(around(centers[1], 77))[0] == "b"
    assert kinds.opposite.shape == (3,)


def test_opposite_views_are_those_180_degrees_apart():
    features = torch.eye(4).repeat(2, 1)
    assert opposite_similarity(F.pad(features, (0, 1276))) == 1
    assert opposite_similarity(F.pad(features.roll(1, dims=0)[[0, 1, 2, 3, 5, 6, 7, 4]], (0, 1276))) == 0
    cameras = judge_cameras()
    assert (cameras[4].azimuth_deg - cameras[0].azimuth_deg) % 360 == pytest.approx(180)


def test_the_shipped_kinds_are_those_of_the_prompts():
    kinds = read_kinds()
    assert set(kinds.names) == APART.keys()
    assert torch.allclose(kinds.centroids.norm(dim=1), torch.ones(40))
    assert 0 < kinds.true_top[0] <= kinds.true_top[1] <= 1


def test_a_missing_file_is_an_error_in_words(tmp_path):
    with pytest.raises(InputError, match="cannot be read"):
        read_kinds(tmp_path / "none.npz")
