from pathlib import Path

import numpy as np

from dreamgaussian.train.manifest import Entry, color_names, read_manifest, write_manifest


def test_colors_are_named_by_how_much_they_cover() -> None:
    view = np.zeros((1, 10, 10, 4), dtype=np.uint8)
    view[0, :6] = (190, 30, 30, 255)
    view[0, 6:9] = (245, 245, 245, 255)
    view[0, 9, :5] = (30, 60, 200, 255)
    assert color_names(view) == ("red", "white")


def test_nothing_has_no_colors() -> None:
    assert color_names(np.zeros((1, 4, 4, 4), dtype=np.uint8)) == ()


def test_entries_come_back_as_they_were_written(tmp_path: Path) -> None:
    assert read_manifest(tmp_path) == []
    entry = Entry("a", "Chair", "Office", "Ada", "CC0 1.0", "Tiny", 1.0, "train", ("Seat",), ("red",))
    write_manifest(tmp_path, [entry])
    assert read_manifest(tmp_path) == [entry]
