import struct
from pathlib import Path

import pytest
import torch

from dreamgaussian.core.errors import InputError
from dreamgaussian.core.gaussians import SH_C0, Gaussians
from dreamgaussian.formats import load_gaussians, save


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
    save(two_gaussians(), tmp_path / "a.splat")
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
    save(gaussians, tmp_path / "a.splat")
    assert (tmp_path / "a.splat").read_bytes()[24:28] == bytes((0, 0, 255, 204))


def test_gaussians_come_back_within_a_byte(tmp_path: Path) -> None:
    save(two_gaussians(), tmp_path / "a.splat")
    again = load_gaussians(tmp_path / "a.splat")
    wanted = two_gaussians()[torch.tensor([1, 0])]
    assert torch.equal(again.means, wanted.means)
    torch.testing.assert_close(again.log_scales, wanted.log_scales, atol=1e-6, rtol=0)
    torch.testing.assert_close(again.base_colors, wanted.base_colors, atol=0.5 / 255, rtol=0)
    torch.testing.assert_close(again.opacities, wanted.opacities, atol=0.5 / 255, rtol=0)
    torch.testing.assert_close(again.rotations, wanted.rotations, atol=0.02, rtol=0)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "holds no Gaussians"),
        (bytes(33), "33 bytes are no multiple of 32"),
        (b"\xff" * 32, "that are not finite"),
        (bytes(28) + bytes([128] * 4), "rotations of length zero"),
    ],
)
def test_broken_files_are_refused(tmp_path: Path, content: bytes, message: str) -> None:
    (tmp_path / "a.splat").write_bytes(content)
    with pytest.raises(InputError, match=message):
        load_gaussians(tmp_path / "a.splat")
