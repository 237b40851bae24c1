from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from dreamgaussian.core.errors import ConfigError
from factory import shards
from factory.dataset import Views
from factory.manifest import Entry, read_manifest, write_manifest
from factory.settings import PackSettings, UnpackSettings
from factory.shards import decode_sheet, encode_sheet, pack_views, unpack_views

ENTRY = Entry("ball-0", "Ball", "Toys", "Ada", "CC0 1.0", "Tiny", 1.0, "train", ("Sport",), ("red",))


def ball(shift: int) -> np.ndarray:
    """Three groups of five views, each with its own shade, with soft edges."""
    rows, columns = np.mgrid[:64, :64]
    alpha = np.clip(24.5 - np.hypot(rows - 31.5, columns - 31.5), 0, 1)
    shades = np.linspace(0.3, 1, 15).reshape(3, 5, 1, 1, 1)
    rgb = shades * np.array([0.9, 0.3 + 0.1 * shift, 0.2]) * alpha[..., None]
    return np.round(np.concatenate([rgb, np.broadcast_to(alpha[..., None], (3, 5, 64, 64, 1))], axis=-1) * 255).astype(
        np.uint8
    )


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Two training objects, one to watch, and one of the benchmark."""
    folder = tmp_path / "data"
    folder.mkdir()
    splits = ("train", "train", "validation", "benchmark")
    for i in range(4):
        np.save(folder / f"ball-{i}.views.npy", ball(i))
        np.save(folder / f"ball-{i}.cameras.npy", np.arange(30, dtype=np.float32).reshape(3, 5, 2))
    write_manifest(folder, [replace(ENTRY, key=f"ball-{i}", split=split) for i, split in enumerate(splits)])
    return folder


def test_a_sheet_keeps_alpha_exactly_and_colours_nearly() -> None:
    views = ball(0)
    decoded = decode_sheet(encode_sheet(views, 80), 5)
    assert (decoded[..., 3] == views[..., 3]).all()
    assert (decoded[..., :3] <= decoded[..., 3:]).all()
    error = np.abs(decoded.astype(int) - views).mean(axis=(2, 3, 4))
    assert error.max() < 1.5


def test_views_travel_in_shards_without_the_benchmark(folder: Path, tmp_path: Path) -> None:
    list(pack_views(PackSettings(data=folder, output=tmp_path / "shards", groups=2)))
    list(unpack_views(UnpackSettings(tmp_path / "shards", data=tmp_path / "there")))
    assert read_manifest(tmp_path / "there") == read_manifest(folder)[:3]
    there, here = Views(tmp_path / "there", "train"), Views(folder, "train")
    assert there.views[1].shape == (2, 5, 64, 64, 4)
    assert (there.cameras[1] == here.cameras[1][:2]).all()
    assert (there.views[1].float() - here.views[1][:2].float()).abs().mean() < 1


def test_no_shard_is_too_large(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shards, "MAX_BYTES", 8_000)
    list(pack_views(PackSettings(data=folder, output=tmp_path)))
    paths = sorted(tmp_path.glob("views-*.zip"))
    assert len(paths) > 1
    assert max(path.stat().st_size for path in paths) <= 8_000


def test_objects_that_are_there_stay_as_they_are(folder: Path, tmp_path: Path) -> None:
    list(pack_views(PackSettings(data=folder, output=tmp_path)))
    before = {path: path.read_bytes() for path in folder.iterdir()}
    list(unpack_views(UnpackSettings(tmp_path, data=folder)))
    assert before == {path: path.read_bytes() for path in folder.iterdir()}


def test_a_broken_shard_is_refused_by_name(tmp_path: Path) -> None:
    (tmp_path / "views-00.zip").write_bytes(b"no zip")
    with pytest.raises(ConfigError, match=r"views-00\.zip is not a whole shard"):
        list(unpack_views(UnpackSettings(tmp_path, data=tmp_path / "there")))


def test_a_folder_without_shards_says_how_to_write_them(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="python -m factory pack"):
        list(unpack_views(UnpackSettings(tmp_path, data=tmp_path / "there")))
