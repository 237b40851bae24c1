import gzip
import random
import struct
from pathlib import Path

import gsply
import numpy as np
import pytest
import torch
from torch.nn.functional import normalize

from dreamgaussian.core.errors import InputError
from dreamgaussian.core.gaussians import Gaussians
from dreamgaussian.formats import load_gaussians, save
from formats.test_ply import some_gaussians


def modest(degree: int, n: int = 200) -> Gaussians:
    """Gaussians within what the format can hold."""
    some = some_gaussians(n, degree)
    return Gaussians(some.means, some.log_scales - 3, some.quats_wxyz, some.opacity_logits, some.sh * 0.25)


@pytest.mark.parametrize("degree", range(4))
def test_values_come_back_within_the_formats_steps(tmp_path: Path, degree: int) -> None:
    gaussians = modest(degree)
    save(gaussians, tmp_path / "a.spz")
    again = load_gaussians(tmp_path / "a.spz")
    assert (again.means - gaussians.means).abs().max() <= 0.5 / 4096 + 1e-6
    assert (again.log_scales - gaussians.log_scales).abs().max() <= 0.5 / 16 + 1e-5
    assert (again.opacities - gaussians.opacities).abs().max() <= 0.5 / 255 + 1e-5
    assert (again.sh[:, 0] - gaussians.sh[:, 0]).abs().max() <= 0.5 / 255 / 0.15 + 1e-5
    assert again.sh.shape == gaussians.sh.shape
    if degree:
        inside = gaussians.sh[:, 1:].clamp(-1, 127 / 128)
        assert (again.sh[:, 1:] - inside).abs().max() <= 0.5 / 128 + 1e-5
    cosines = (again.quats_wxyz * normalize(gaussians.quats_wxyz, dim=1)).sum(dim=1).abs()
    assert torch.rad2deg(2 * cosines.clamp(max=1).acos()).max() < 0.25


@pytest.mark.parametrize("degree", range(4))
def test_an_independent_reader_finds_the_same(tmp_path: Path, degree: int) -> None:
    save(modest(degree), tmp_path / "a.spz")
    ours, theirs = load_gaussians(tmp_path / "a.spz"), gsply.read_spz(str(tmp_path / "a.spz"))
    np.testing.assert_allclose(theirs.means, ours.means, atol=1e-6)
    np.testing.assert_allclose(theirs.scales, ours.log_scales, atol=1e-6)
    np.testing.assert_allclose(theirs.opacities, ours.opacity_logits, atol=1e-4)
    np.testing.assert_allclose(theirs.quats, ours.quats_wxyz, atol=1e-5)
    np.testing.assert_allclose(theirs.sh0, ours.sh[:, 0], atol=1e-5)
    if degree:
        np.testing.assert_allclose(theirs.shN, ours.sh[:, 1:], atol=1e-6)


def test_a_file_of_an_independent_writer_is_read(tmp_path: Path) -> None:
    gaussians = modest(1)
    save(gaussians, tmp_path / "a.ply")
    gsply.write_spz(str(tmp_path / "b.spz"), gsply.plyread(str(tmp_path / "a.ply")), version=3)
    again = load_gaussians(tmp_path / "b.spz")
    assert (again.means - gaussians.means).abs().max() < 1e-3
    cosines = (again.quats_wxyz * normalize(gaussians.quats_wxyz, dim=1)).sum(dim=1).abs()
    assert torch.rad2deg(2 * cosines.clamp(max=1).acos()).max() < 0.3


@pytest.mark.parametrize("degree", [0, 2])
def test_version_4_of_an_independent_writer_is_read(tmp_path: Path, degree: int) -> None:
    save(modest(degree), tmp_path / "a.ply")
    gsply.write_spz(str(tmp_path / "b.spz"), gsply.plyread(str(tmp_path / "a.ply")), version=4)
    again, theirs = load_gaussians(tmp_path / "b.spz"), gsply.read_spz(str(tmp_path / "b.spz"))
    np.testing.assert_allclose(again.means, theirs.means, atol=1e-6)
    np.testing.assert_allclose(again.quats_wxyz, theirs.quats, atol=1e-5)
    np.testing.assert_allclose(again.sh[:, 0], theirs.sh0, atol=1e-5)
    content = (tmp_path / "b.spz").read_bytes()
    for share in (0.1, 0.5, 0.9):
        (tmp_path / "b.spz").write_bytes(content[: int(share * len(content))])
        with pytest.raises(InputError, match=r"b\.spz is (not an SPZ file|cut short)"):
            load_gaussians(tmp_path / "b.spz")


def test_version_2_is_read(tmp_path: Path) -> None:
    """One Gaussian, a quarter turn round y, in bytes as the format's description has them."""
    position = b"\x00\x10\x00" + b"\x00\xf0\xff" + b"\x00\x08\x00"  # 1, -1, 0.5
    half = round(127.5 + 127.5 * 0.5**0.5)
    body = position + bytes([255]) + bytes([128, 0, 255]) + bytes([160, 144, 128]) + bytes([128, half, 128])
    (tmp_path / "a.spz").write_bytes(gzip.compress(header(version=2, count=1) + body))
    again = load_gaussians(tmp_path / "a.spz")
    assert again.means.tolist() == [[1.0, -1.0, 0.5]]
    assert again.log_scales.tolist() == [[0.0, -1.0, -2.0]]
    assert again.quats_wxyz[0].tolist() == pytest.approx([0.5**0.5, 0, 0.5**0.5, 0], abs=0.01)


def test_a_scene_too_wide_for_fine_steps_gets_coarser_ones(tmp_path: Path) -> None:
    gaussians = modest(0)
    gaussians.means[0, 0] = 100_000.0
    save(gaussians, tmp_path / "a.spz")
    assert (load_gaussians(tmp_path / "a.spz").means - gaussians.means).abs().max() <= 0.5 / 64


def header(magic: bytes = b"NGSP", version: int = 3, count: int = 5, degree: int = 0, bits: int = 12) -> bytes:
    return struct.pack("<4sIIBBBB", magic, version, count, degree, bits, 0, 0)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", r"cannot be read as \.spz"),
        (b"NGSP" + bytes(40), "has version 0"),
        (gzip.compress(b"NGSP"), r"cannot be read as \.spz"),
        (gzip.compress(header(magic=b"PGSN") + bytes(200)), r"cannot be read as \.spz"),
        (gzip.compress(header(version=9) + bytes(200)), "has version 9"),
        (gzip.compress(header(degree=7) + bytes(200)), "degree 7"),
        (gzip.compress(header(count=2**32 - 1) + bytes(200)), "announces 4294967295 Gaussians"),
        (gzip.compress(header(count=11) + bytes(200)), "is cut short: it has 200 of 220 bytes"),
        (gzip.compress(header(count=0)), "holds no Gaussians"),
    ],
)
def test_a_lying_header_is_found_out(tmp_path: Path, content: bytes, message: str) -> None:
    (tmp_path / "a.spz").write_bytes(content)
    with pytest.raises(InputError, match=message):
        load_gaussians(tmp_path / "a.spz")


def test_damage_is_read_or_refused_in_one_line(tmp_path: Path) -> None:
    save(modest(1, n=20), tmp_path / "a.spz")
    content = (tmp_path / "a.spz").read_bytes()
    damage = random.Random(0)
    for _ in range(100):
        broken = bytearray(content[: damage.randrange(len(content))] if damage.random() < 0.3 else content)
        for _ in range(damage.randrange(4)):
            broken[damage.randrange(len(broken))] = damage.randrange(256)
        (tmp_path / "a.spz").write_bytes(broken)
        message = ""
        try:
            load_gaussians(tmp_path / "a.spz")
        except InputError as error:
            message = str(error)
        assert "\n" not in message


def test_a_file_that_would_fill_the_memory_with_nothing_is_refused(tmp_path: Path) -> None:
    header = struct.pack("<4sIIBBBB", b"NGSP", 3, 1_500_000, 0, 12, 0, 0)
    (tmp_path / "a.spz").write_bytes(gzip.compress(header + bytes(1_500_000 * 20)))
    with pytest.raises(InputError, match=r"announces 1500000 Gaussians in \d+ bytes"):
        load_gaussians(tmp_path / "a.spz")
