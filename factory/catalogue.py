"""The training objects: Debian's package of Sweet Home 3D's furniture, as a list of credited models."""

import io
import re
import zipfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from factory import debian
from factory.items import Item
from factory.objects import TEXTURE_SIDE, Model, load_model

PACKAGE = "sweethome3d-furniture"
LEFT_OUT = ("Doors and windows", "Staircases")
LICENCES = {"BlendSwap-CC-0": "CC0 1.0"}
"""Of each library of the package; all others are CC-BY 3.0."""
NO_TAGS = ("Blend Swap", "SCPTS")
"""Names of collections."""
FURNITURE = ("Living room", "Bedroom", "Bathroom", "Office")


@dataclass(frozen=True)
class Furniture(Item):
    """One model of the package."""

    model: Path
    """The OBJ file."""
    rotation: tuple[float, ...] | None
    """The catalogue's 3x3 rotation, row by row, for models that do not stand upright."""

    @property
    def weight(self) -> float:
        """There is more furniture than anything else."""
        return 0.5 if self.category in FURNITURE else 1.0

    def load(self, texture_side: int = TEXTURE_SIDE) -> Model | None:
        """The OBJ file's visible parts, upright."""
        rotation = np.eye(3) if self.rotation is None else np.array(self.rotation, dtype=np.float64).reshape(3, 3)
        return load_model(self.model, rotation, texture_side)


def fetch(folder: Path) -> Path:
    """The package as a .deb file in `folder`, downloaded if it is not there."""
    return debian.fetch(PACKAGE, folder, "--package")


def unpack(package: Path, folder: Path) -> Path:
    """Unpack the libraries of the package under `folder`, one folder each; done only once."""
    finished = folder / "finished"
    if finished.exists():
        return folder
    for library, content in debian.read_files(package, ".sh3f"):
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            archive.extractall(folder / library.stem)
    finished.touch()
    return folder


def read_catalogue(folder: Path) -> list[Furniture]:
    """Every model of the unpacked libraries that is a thing of its own, in a fixed order."""
    items: list[Furniture] = []
    for properties in sorted(folder.glob("*/PluginFurnitureCatalog.properties")):
        items += _read_library(properties)
    return items


def _read_library(properties: Path) -> list[Furniture]:
    text = properties.read_text(encoding="latin-1")
    text = re.sub(r"\\u([0-9A-Fa-f]{4})", lambda code: chr(int(code[1], 16)), text)
    fields: dict[int, dict[str, str]] = {}
    for name, index, value in re.findall(r"^(\w+)#(\d+)=(.*)$", text, re.MULTILINE):
        fields.setdefault(int(index), {})[name] = value.strip()
    library = properties.parent.name
    return [
        Furniture(
            key=f"{library}-{index:03d}",
            name=entry["name"],
            category=entry["category"],
            creator=entry.get("creator", library),
            licence=LICENCES.get(library, "CC-BY 3.0"),
            library=library,
            tags=tuple(t for tag in entry.get("tags", "").split(",") if (t := tag.strip()) and t not in NO_TAGS),
            model=properties.parent / entry["model"].lstrip("/"),
            rotation=tuple(float(x) for x in entry["modelRotation"].split()) if "modelRotation" in entry else None,
        )
        for index, entry in sorted(fields.items())
        if "model" in entry and entry["category"] not in LEFT_OUT
    ]
