import struct
from pathlib import Path

import pytest
import torch

from dreamgaussian.export.splat import write_splat
from dreamgaussian.gaussians import SH_C0, Gaussians


def two_gaussians() -> Gaussians:
    """A faint red one, then a larger opaque blue one, turned by 90 degrees round z."""
    return Gaussians(
        means=torch.tensor([[1.0, 2.0, 3.0], [-1.0, 0.5, 0.0]]),
        log_scales=torch.tensor([[0.1, 0.1, 0.1], [0.2, 0.3, 0.4]]).log(),
        quats_wxyz=torch.tensor([[2.0, 0.0, 0.0, 0.0], [0.5**0.5, 0.0, 0.0, 0.5**0.5]]),
        opacity_logits=torch.logit(torch.tensor([0.2, 0.8])),
        sh=(torch.tensor([[[1.0, 0.0, 0.0]], [[0.0, 0.0, 1.0]]]) - 0.5) / SH_C0,
    )


def test_a_gaussian_is_32_bytes_and_the_most_visible_one_comes_first(tmp_path: Path) -> None:
    write_splat(two_gaussians(), tmp_path / "a.splat")
    content = (tmp_path / "a.splat").read_bytes()
    assert len(content) == 64
    blue = struct.unpack("<6f8B", content[:32])
    assert blue[:3] == (-1.0, 0.5, 0.0)
    assert blue[3:6] == pytest.approx((0.2, 0.3, 0.4))
    assert blue[6:10] == (0, 0, 255, 204)
    assert blue[10:] == (219, 128, 128, 219)  # 128 + 128 / sqrt(2)
    red = struct.unpack("<6f8B", content[32:])
    assert red[6:10] == (255, 0, 0, 51)
    assert red[10:] == (255, 128, 128, 128)


def test_colours_beyond_the_range_are_clipped_and_do_not_wrap(tmp_path: Path) -> None:
    gaussians = two_gaussians()
    gaussians.sh[:] *= 3
    write_splat(gaussians, tmp_path / "a.splat")
    assert (tmp_path / "a.splat").read_bytes()[24:28] == bytes((0, 0, 255, 204))
