import io
import json
import os
import tarfile
import zipfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageDraw

from dreamgaussian.core.errors import ConfigError
from factory import figures, openclonk, pairs, repaint, shapes
from factory.catalogue import read_catalogue, unpack
from factory.data import make_data
from factory.dataset import Views, map_views
from factory.manifest import read_manifest
from factory.settings import DataSettings
from factory.tests.tiny_packages import write_deb, write_openclonk

PROPERTIES = """
name#1=Pyramid
category#1=Miscellaneous
model#1=/pyramid/pyramid.obj
creator#1=Zo\\u00eb
tags#1=Blend Swap, Stone
name#2=Teapot
category#2=Kitchen
model#2=/pyramid/teapot.obj
modelRotation#2=1 0 0 0 0 1 0 -1 0
name#3=Door
category#3=Doors and windows
model#3=/pyramid/pyramid.obj
"""
PYRAMID = "v 0 1 0\nv -1 0 -1\nv 1 0 -1\nv 0 0 {depth}\nf 1 2 3\nf 1 3 4\nf 1 4 2\nf 2 4 3\n"


@pytest.fixture
def package(tmp_path: Path) -> Path:
    """A Debian package with one small library."""
    library = io.BytesIO()
    with zipfile.ZipFile(library, "w") as archive:
        archive.writestr("PluginFurnitureCatalog.properties", PROPERTIES)
        archive.writestr("pyramid/pyramid.obj", PYRAMID.format(depth=1))
        archive.writestr("pyramid/teapot.obj", PYRAMID.format(depth=1) + "v 0 2 0.5\nf 1 2 5\n")
    return write_deb(tmp_path / "tiny.deb", {"Tiny.sh3f": library.getvalue()})


@pytest.fixture
def game(tmp_path: Path) -> Path:
    return write_openclonk(tmp_path / "game.deb")


@pytest.fixture(autouse=True)
def one_of_each_kind_that_is_made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """And a cache of the test's own."""
    counts = ((figures, "COUNT", 0), (figures, "COUNTS", {"fish": 1}), (openclonk, "SKINS", {}))
    for module, name, value in (*counts, (shapes, "COUNT", 1), (pairs, "COUNT", 1)):
        monkeypatch.setattr(module, name, value)
    monkeypatch.setenv("DREAMGAUSSIAN_CACHE", str(tmp_path / "cache"))


@pytest.fixture
def emoji(tmp_path: Path) -> Path:
    """An npm package with a lemon, a reserved cactus, a thumb and a keycap: discs."""
    picture = Image.new("RGBA", (64, 64))
    ImageDraw.Draw(picture).ellipse((8, 8, 55, 55), fill=(240, 220, 40, 255))
    content = io.BytesIO()
    picture.save(content, "WEBP", lossless=True)
    path = tmp_path / "emoji.tgz"
    with tarfile.open(path, "w:gz") as archive:
        for name in ("1f34b", "1f335", "1f44d", "0031-fe0f-20e3"):
            member = tarfile.TarInfo(f"package/assets/{name}.webp")
            member.size = len(content.getvalue())
            archive.addfile(member, io.BytesIO(content.getvalue()))
    return path


def test_the_catalogue_lists_credited_things_without_doors(package: Path, tmp_path: Path) -> None:
    pyramid, teapot = read_catalogue(unpack(package, tmp_path / "sources"))
    assert (pyramid.name, pyramid.creator, pyramid.licence, pyramid.rotation) == ("Pyramid", "Zoë", "CC-BY 3.0", None)
    assert (pyramid.tags, teapot.tags) == (("Stone",), ())
    assert (teapot.creator, len(teapot.rotation or ())) == ("Tiny", 9)
    assert pyramid.model.exists()


def test_a_file_that_is_no_package_is_refused_by_name(tmp_path: Path) -> None:
    wrong = tmp_path / "wrong.deb"
    wrong.write_bytes(b"!<arch>\n")
    with pytest.raises(ConfigError, match=r"wrong\.deb is not a Debian package"):
        unpack(wrong, tmp_path / "sources")


def test_the_factory_renders_each_object_once(package: Path, emoji: Path, game: Path, tmp_path: Path) -> None:
    folder = tmp_path / "data"
    settings = DataSettings(package, emoji, game, groups=2, targets=3, resolution=16, workers=1, folder=folder)
    steps = list(make_data(settings))
    assert steps[-1].done == steps[-1].total == 11
    (name,) = [shape.name for shape in shapes.draw_shapes()]
    made = [entry for entry in read_manifest(folder) if entry.library in (pairs.LIBRARY, repaint.LIBRARY)]
    assert len(made) == 2
    assert all("Teapot" not in entry.name and entry.split == "train" for entry in made)
    splits = {entry.name: entry.split for entry in read_manifest(folder) if entry not in made}
    (lemon,) = [entry for entry in read_manifest(folder) if entry.name == "lemon"]
    assert lemon.colors == ("yellow",)
    game_objects = dict.fromkeys(("toadstool cow", "adventurer", "alchemist", "farmer"), "train")
    drawn = {name: "train", "fish": "train"}
    assert splits == {"Pyramid": "train", "Teapot": "benchmark", "lemon": "train"} | game_objects | drawn
    views = np.load(folder / "Tiny-001.views.npy")
    assert views.shape == (2, 4, 16, 16, 4)
    assert (views[..., 3] > 0).any(axis=(2, 3)).all()
    group = Views(folder, "train").group(0, 1)
    assert group.targets.shape == (1, 3, 4, 16, 16)
    before = (folder / "Tiny-001.views.npy").stat().st_mtime_ns
    assert [step.phase for step in make_data(settings)] == ["fetching"]
    assert (folder / "Tiny-001.views.npy").stat().st_mtime_ns == before


def test_a_folder_made_without_emoji_gets_them_and_keeps_the_rest(
    package: Path, emoji: Path, game: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "data"
    settings = DataSettings(package, emoji, game, groups=1, targets=2, resolution=16, workers=1, folder=folder)
    list(make_data(settings))
    manifest = folder / "manifest.json"
    furniture = [{**entry, "split": "validation"} for entry in json.loads(manifest.read_text())[:2]]
    manifest.write_text(json.dumps(furniture))
    list(make_data(settings))
    assert [entry.split for entry in read_manifest(folder)] == ["validation"] * 2 + ["train"] * 8


def test_views_are_mapped_without_open_files(tmp_path: Path) -> None:
    written = np.random.default_rng(0).integers(0, 256, size=(2, 3, 8, 8, 4), dtype=np.uint8)
    np.save(tmp_path / "a.views.npy", written)
    before = len(os.listdir("/dev/fd"))
    maps = [map_views(tmp_path / "a.views.npy") for _ in range(20)]
    assert len(os.listdir("/dev/fd")) == before
    assert all((each.numpy() == written).all() for each in maps)


def test_missing_views_say_how_to_make_them(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="python -m factory data"):
        Views(tmp_path, "train")
