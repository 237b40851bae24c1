"""The list of a data folder's objects: what each is called and looks like, whom it is owed to, what it is for."""

import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from dreamgaussian.core.files import atomic_path
from dreamgaussian.evaluate.text.color_names import color_names
from factory.items import Item
from factory.settings import cache_folder


@dataclass(frozen=True)
class Entry:
    """An object of the manifest."""

    key: str
    name: str
    category: str
    creator: str
    licence: str
    library: str
    weight: float
    split: str
    tags: tuple[str, ...] = ()
    """Further words for it."""
    colors: tuple[str, ...] = ()
    """Names of the colours that it mostly has, the commonest first; none before it is rendered."""

    @classmethod
    def of(cls, item: Item, split: str, colors: tuple[str, ...] = ()) -> "Entry":
        """An item's entry."""
        return cls(
            *(item.key, item.name, item.category, item.creator, item.licence, item.library, item.weight),
            *(split, item.tags, colors),
        )


def data_folder(folder: Path | None) -> Path:
    """Where the views lie."""
    return folder or cache_folder() / "prior" / "data"


def read_manifest(folder: Path) -> list[Entry]:
    """The objects of a data folder; none where there is no manifest yet."""
    path = folder / "manifest.json"
    return parse_manifest(path.read_text()) if path.exists() else []


def parse_manifest(text: str) -> list[Entry]:
    """The objects of a manifest's JSON."""
    entries: list[dict[str, Any]] = json.loads(text)
    for entry in entries:
        entry |= {name: tuple(entry.get(name, ())) for name in ("tags", "colors")}
    return [Entry(**entry) for entry in entries]


def write_manifest(folder: Path, entries: Iterable[Entry]) -> None:
    """Replace the list."""
    with atomic_path(folder / "manifest.json") as temporary:
        temporary.write_text(json.dumps([asdict(entry) for entry in entries], indent=1))


def with_colors(entries: Iterable[Entry], folder: Path) -> list[Entry]:
    """The entries, those rendered since with the names of their colours."""
    return [
        replace(entry, colors=color_names(np.load(views, mmap_mode="r")[:, 0]))
        if not entry.colors and (views := folder / f"{entry.key}.views.npy").exists()
        else entry
        for entry in entries
    ]
