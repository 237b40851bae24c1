"""Training objects of public repositories, collected in a folder of packs.

`index.json` lists the objects, each with its licence and its creator, its kind and the pack that it came with. The
zip files hold a numpy archive `KEY.npz` for each: `vertices` (y up, the front along +z where it is known), `faces`,
and either `colors` of the vertices (sRGB, uint8) or `uv` with the bytes of a `texture`. (u, v) = (0, 0) is the
image's upper left corner; textures are not tiled.
"""

import io
import json
import zipfile
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float32
from PIL import Image

from dreamgaussian.core.errors import ConfigError
from factory.holdout import Fingerprint
from factory.items import Item
from factory.objects import TEXTURE_SIDE, Material, Model

LEFT_OUT = frozenset(("kaykit-kenney-mix",))
"""Packs whose licence rests on their files' names alone."""
SOUGHT = frozenset(("animal", "food", "monster", "person", "robot", "toy", "vehicle"))
"""Kinds that users bring more than others, drawn twice as often."""
LIKE_PHOTOGRAPHS = ("aws-", "babylon", "bigym", "gazebo", "gltf-samples", "polyhaven", "unity-perception", "ycb")
"""Beginnings of the names of packs that do not look drawn; their objects are drawn twice as often."""
INSIDE = 1e-6
"""Texture coordinates stay this far inside their image, which is not tiled."""


@dataclass(frozen=True)
class Collected(Item):
    """An object of a pack."""

    archive: Path
    """The zip file that it lies in."""
    front_known: bool
    share: float
    """How often to draw it."""

    low_poly = True

    @property
    def front_share(self) -> float:
        """Users mostly take pictures of fronts."""
        return 2 / 3 if self.front_known else 0.0

    @property
    def weight(self) -> float:
        """By kind and pack."""
        return self.share

    def load(self, texture_side: int = TEXTURE_SIDE) -> Model:
        """The object, with its vertices' colours or its texture."""
        with zipfile.ZipFile(self.archive) as archive, np.load(io.BytesIO(archive.read(f"{self.key}.npz"))) as content:
            arrays = {name: content[name] for name in content.files}
        faces, count = arrays["faces"].astype(np.int64), len(arrays["vertices"])
        uvs, texture, colors = np.zeros((count, 2)), None, None
        if "texture" in arrays:
            texture = _read_texture(arrays["texture"].tobytes(), texture_side)
            uvs = np.clip(arrays["uv"].astype(np.float64), INSIDE, 1 - INSIDE)
            uvs[:, 1] = 1 - uvs[:, 1]
        else:
            colors = arrays["colors"].astype(np.float32) / 255
        return Model(
            vertices=arrays["vertices"].astype(np.float64),
            faces=faces,
            uvs=uvs,
            face_materials=np.zeros(len(faces), dtype=np.int64),
            materials=(Material(np.ones(3, dtype=np.float32), texture),),
            texture_hashes=(),
            vertex_colors=colors,
        )

    def fingerprint(self) -> Fingerprint:
        """Told by its shape alone: objects of a pack share their textures, palettes that all of them look up."""
        return Fingerprint(self.key, self.name, self.load().geometry_hash, (), self.library)


def read_collection(folder: Path) -> list[Collected]:
    """The objects of a folder, in its order, so that rare kinds are drawn more often than their number says.

    A kind's share of the draws grows with the square root of its number. Raises ConfigError where there is no such
    folder.
    """
    try:
        listed: list[dict[str, Any]] = json.loads((folder / "index.json").read_text())
        entries = [entry for entry in listed if entry["pack"] not in LEFT_OUT]
        counts = Counter(entry["category"] for entry in entries)
        return [_read_entry(entry, folder, counts[entry["category"]]) for entry in entries]
    except (OSError, ValueError, KeyError) as error:
        raise ConfigError(f"{folder} is not a folder of objects with an index.json ({error!r}).") from error


def _read_entry(entry: dict[str, Any], folder: Path, of_its_kind: int) -> Collected:
    sought = 2 if entry["category"] in SOUGHT else 1
    real = 2 if entry["pack"].startswith(LIKE_PHOTOGRAPHS) else 1
    return Collected(
        key=entry["key"],
        name=entry["name"],
        category=entry["category"],
        creator=entry["creator"],
        licence=entry["licence"],
        library=entry["pack"],
        tags=tuple(entry["tags"]),
        archive=folder / entry["file"],
        front_known=entry["front_known"],
        share=sought * real * (100 / of_its_kind) ** 0.5,
    )


def _read_texture(content: bytes, side: int) -> Float32[np.ndarray, "h w 4"]:
    with Image.open(io.BytesIO(content)) as file:
        image = file.convert("RGBA")
    image.thumbnail((side, side), Image.Resampling.BOX)
    return np.asarray(image, dtype=np.float32) / 255
