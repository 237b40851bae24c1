"""The list of a data folder's objects: what each is called and looks like, whom it is owed to, what it is for."""

import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import UInt8

from dreamgaussian.files import atomic_path
from dreamgaussian.train.items import Item
from dreamgaussian.train.settings import cache_folder

MIN_SHARE = 0.15
"""Of an object's pixels, for a colour to be named."""
PALETTE = {
    "black": ("151515",),
    "gray": ("4d4d4d", "888888", "b8b8b8"),
    "white": ("e4e4e4", "ffffff"),
    "red": ("c81e1e", "7d1414", "e8483c"),
    "orange": ("f08a24", "c8641e"),
    "yellow": ("f5d73c", "c8a81e"),
    "green": ("3ca03c", "1e4b1e", "96c850", "6e7832"),
    "turquoise": ("3cbeb4", "1e7878"),
    "blue": ("325ac8", "1e286e", "78aae6", "5a7896"),
    "purple": ("823caa", "5a2878", "b48cd2"),
    "pink": ("f096b4", "e63c8c"),
    "brown": ("784b28", "4b2d19", "a07850"),
    "beige": ("d7be96", "e6d7be"),
}
"""Names of colours, each with a few examples as sRGB."""


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


def color_names(views: UInt8[np.ndarray, "n h w 4"]) -> tuple[str, ...]:
    """Names of the colours of premultiplied pictures that cover enough of the object, the commonest first."""
    from skimage.color import rgb2lab

    names = [name for name, examples in PALETTE.items() for _ in examples]
    examples = np.array([tuple(bytes.fromhex(code)) for codes in PALETTE.values() for code in codes]) / 255
    colors = views[views[..., 3] == 255][:, :3] / 255
    distances = np.linalg.norm(rgb2lab(colors)[:, None] - rgb2lab(examples), axis=-1)
    counts: dict[str, int] = dict.fromkeys(PALETTE, 0)
    for index, count in enumerate(np.bincount(distances.argmin(axis=1), minlength=len(names))):
        counts[names[index]] += int(count)
    common = sorted(PALETTE, key=lambda name: -counts[name])
    return tuple(name for name in common if counts[name] >= MIN_SHARE * max(len(colors), 1))
