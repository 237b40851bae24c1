"""What the studio's start may remove, and what it never touches."""

from pathlib import Path

import pytest

from dreamgaussian.core.errors import ConfigError
from dreamgaussian.studio.server.app import studio_app
from dreamgaussian.studio.server.uploads import Uploads
from dreamgaussian.studio.settings import StudioSettings

OWN = "upload-0123456789abcdef"
FOREIGN = [
    "my-thesis.txt",
    "0123456789abcdef",
    "0123456789abcdef.webp",
    f"{OWN}.png",
    f"{OWN}.webp.bak",
    f"{OWN}0",
    OWN.upper(),
    f".{OWN}.webp",
]


def contents(folder: Path) -> dict[str, str]:
    return {path.relative_to(folder).as_posix(): path.read_text() for path in folder.rglob("*") if path.is_file()}


def test_the_start_removes_what_an_earlier_server_left(tmp_path):
    for name in (OWN, f"{OWN}.webp", f".{OWN}-a1_b2c3d.webp"):
        (tmp_path / name).touch()
    Uploads(tmp_path, 1)
    assert list(tmp_path.iterdir()) == []


def test_the_names_removed_at_the_start_are_those_that_uploads_get(ann, settings):
    image = ann.client.post("/api/images", content=b"image").json()["id"]
    ann.client.post(f"/api/images/{image}/cutout", json={})
    folder = settings.folder / "uploads"
    assert sorted(contents(folder)) == [f"upload-{image}", f"upload-{image}.webp"]
    Uploads(folder, 1)
    assert list(folder.iterdir()) == []


@pytest.mark.parametrize("name", FOREIGN)
def test_the_start_leaves_files_of_the_user(tmp_path, name):
    (tmp_path / name).write_text("mine")
    Uploads(tmp_path, 1)
    assert contents(tmp_path) == {name: "mine"}


@pytest.mark.parametrize("name", ["holiday", OWN])
def test_the_start_leaves_subfolders(tmp_path, name):
    (tmp_path / name).mkdir()
    for file in ("beach.jpg", OWN):
        (tmp_path / name / file).write_text("mine")
    Uploads(tmp_path, 1)
    assert contents(tmp_path) == {f"{name}/beach.jpg": "mine", f"{name}/{OWN}": "mine"}


def test_the_start_leaves_links_of_the_user(tmp_path):
    target = tmp_path / "mine.txt"
    target.write_text("mine")
    folder = tmp_path / "uploads"
    folder.mkdir()
    (folder / OWN).symlink_to(target)
    Uploads(folder, 1)
    assert (folder / OWN).is_symlink()
    assert target.read_text() == "mine"


@pytest.mark.parametrize("missing", [False, True])
def test_a_linked_uploads_folder_is_refused_before_anything_is_made(tmp_path, missing):
    mine = tmp_path / "mine"
    if not missing:
        mine.mkdir()
        (mine / OWN).write_text("mine")
    folder = tmp_path / "studio"
    folder.mkdir()
    (folder / "uploads").symlink_to(mine)
    with pytest.raises(ConfigError, match="is a symbolic link, but"):
        studio_app(StudioSettings(folder=folder))
    assert [path.name for path in folder.iterdir()] == ["uploads"]
    assert missing or contents(mine) == {OWN: "mine"}


def test_a_file_called_uploads_is_refused(tmp_path):
    (tmp_path / "uploads").write_text("mine")
    with pytest.raises(ConfigError, match="is a file, "):
        studio_app(StudioSettings(folder=tmp_path))
    assert contents(tmp_path) == {"uploads": "mine"}
