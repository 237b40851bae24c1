import pytest
import torch

from dreamgaussian.core.fidelity import EQUAL_DB, on_white, psnr


def test_psnr_is_taken_per_image() -> None:
    truth = torch.zeros(2, 8, 8, 3)
    ours = torch.stack([torch.full((8, 8, 3), 0.1), torch.full((8, 8, 3), 0.01)])
    assert psnr(ours[0], truth[0]) == pytest.approx(20.0, abs=1e-4)
    assert psnr(ours, truth) == pytest.approx(30.0, abs=1e-4)
    assert psnr(truth, truth) == EQUAL_DB


def test_premultiplied_views_are_composited_on_white() -> None:
    view = torch.tensor([[[0.25, 0.0, 0.0, 0.5]]])
    assert torch.allclose(on_white(view), torch.tensor([[[0.75, 0.5, 0.5]]]))
