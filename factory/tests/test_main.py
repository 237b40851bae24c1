"""The factory's command line: a mistake is answered in one line, below a bar where one was begun."""

import contextlib

import pytest

from factory.__main__ import main


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["train", "--data", "missing"], "No train views in missing yet."),
        (["report", "--data", "missing"], "No benchmark views in missing yet."),
        (["pack", "--data", "missing"], "No training views in missing."),
        (["unpack", "missing"], "No views-*.zip in missing."),
        (["export", "--training", "missing"], "No training state at missing/lifter.pt."),
    ],
)
def test_mistakes_are_answered_in_one_line(arguments, message, capsys, tmp_path) -> None:
    with contextlib.chdir(tmp_path):
        assert main(arguments) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.splitlines()[-1].startswith(f"factory: {message}")
    assert "Traceback" not in err
