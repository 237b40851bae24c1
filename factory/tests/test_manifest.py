from pathlib import Path

from factory.manifest import Entry, read_manifest, write_manifest


def test_entries_come_back_as_they_were_written(tmp_path: Path) -> None:
    assert read_manifest(tmp_path) == []
    entry = Entry("a", "Chair", "Office", "Ada", "CC0 1.0", "Tiny", 1.0, "train", ("Seat",), ("red",))
    write_manifest(tmp_path, [entry])
    assert read_manifest(tmp_path) == [entry]
