import pytest

from dreamgaussian.errors import ConfigError
from dreamgaussian.files import atomic_path
from dreamgaussian.output import open_folder


def test_fresh_folders_are_numbered(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert str(open_folder(None, "cat", overwrite=False)) == "runs/cat-001"
    assert str(open_folder(None, "cat", overwrite=False)) == "runs/cat-002"
    assert str(open_folder(None, "dog", overwrite=False)) == "runs/dog-001"


def test_an_empty_folder_is_used_and_a_full_one_only_when_told_to(tmp_path):
    assert open_folder(tmp_path, "cat", overwrite=False) == tmp_path
    assert list(tmp_path.iterdir()) == []
    (tmp_path / "mine.txt").touch()
    with pytest.raises(ConfigError, match="is not empty"):
        open_folder(tmp_path, "cat", overwrite=False)
    assert open_folder(tmp_path, "cat", overwrite=True) == tmp_path
    assert (tmp_path / "mine.txt").exists()


def test_a_failed_write_leaves_the_old_file_whole(tmp_path):
    path = tmp_path / "asset.bin"
    path.write_text("old")

    def fail():
        with atomic_path(path) as temporary:
            temporary.write_text("half")
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail()
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_a_finished_write_replaces_the_file(tmp_path):
    path = tmp_path / "asset.bin"
    path.write_text("old")
    with atomic_path(path) as temporary:
        assert temporary.suffix == ".bin"
        temporary.write_text("new")
    assert path.read_text() == "new"
    assert list(tmp_path.iterdir()) == [path]


def test_a_folder_that_is_not_there_is_an_error_in_words(tmp_path):
    with (
        pytest.raises(ConfigError, match="cannot be written \\(No such file or directory\\)"),
        atomic_path(tmp_path / "no" / "a.bin"),
    ):
        pass
