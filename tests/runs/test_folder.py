import errno
import tempfile
from pathlib import Path

import pytest

from dreamgaussian.core.errors import ConfigError, InputError
from dreamgaussian.core.files import atomic_path, check_writable
from dreamgaussian.runs.folder import numbered_folder, results_folder


def test_fresh_folders_are_numbered(in_tmp_path):
    for expected in ("runs/cat-001", "runs/cat-002"):
        assert str(numbered_folder("cat")) == expected
        Path(expected).mkdir(parents=True)
    assert str(numbered_folder("dog")) == "runs/dog-001"


def test_an_empty_folder_is_used_and_a_full_one_only_when_told_to(tmp_path):
    with results_folder(tmp_path, overwrite=False) as folder:
        assert folder == tmp_path
        assert list(tmp_path.iterdir()) == []
    (tmp_path / "mine.txt").touch()
    with pytest.raises(ConfigError, match="is not empty"), results_folder(tmp_path, overwrite=False):
        pass
    with results_folder(tmp_path, overwrite=True):
        assert (tmp_path / "mine.txt").exists()


def test_a_file_of_the_user_survives_the_check_whether_the_folder_can_be_written(tmp_path):
    mine = tmp_path / ".writable"
    mine.write_text("mine")
    with results_folder(tmp_path, overwrite=True):
        assert mine.read_text() == "mine"
    assert list(tmp_path.iterdir()) == [mine]


def test_a_folder_that_takes_no_file_is_an_error_in_words(tmp_path, monkeypatch):
    def refuse(**_):
        raise PermissionError(errno.EACCES, "Permission denied")

    monkeypatch.setattr(tempfile, "TemporaryFile", refuse)  # root may write anywhere, so no real folder would do
    with pytest.raises(ConfigError, match="cannot be written \\(Permission denied\\)"):
        check_writable(tmp_path)


def fail_in(folder):
    with results_folder(folder, overwrite=True):
        raise InputError("no image")


def test_work_that_fails_leaves_no_empty_folder_behind(tmp_path):
    with pytest.raises(InputError):
        fail_in(tmp_path / "new")
    assert list(tmp_path.iterdir()) == []


def test_work_that_fails_leaves_a_folder_of_the_user(tmp_path):
    with pytest.raises(InputError):
        fail_in(tmp_path)
    assert tmp_path.is_dir()


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
