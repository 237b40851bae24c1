"""Training objects from Debian's package of the game OpenClonk: characters, animals, vehicles, tools, huts, plants.

Its objects come in group files (`unpack_group`), a folder each, as Ogre meshes with textures.
"""

import hashlib
import re
import struct
import zlib
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

import numpy as np
from jaxtyping import Float32
from PIL import Image

from dreamgaussian.core.errors import ConfigError
from dreamgaussian.core.image import to_float
from factory import debian
from factory.items import Item
from factory.objects import TEXTURE_SIDE, Material, Model
from factory.ogre import read_materials, read_mesh

PACKAGE = "openclonk-data"
LIBRARY = "OpenClonk"
GROUPS = ("Objects.ocd", "Decoration.ocd")
CREATORS = {
    "Village": "Dustin Ness",
    "Mooq": "pluto",
    "Puka": "pluto",
    "Fish": "Andrej Elbers",
    "Chest": "Ringwaul and Zapper",
    "Lantern": "Lex Biesenbeek",
}
"""Of folders that name one; all others belong to the game's team."""
CATEGORIES = {
    "Animals": "Animals",
    "Clonk": "Characters",
    "Vehicles": "Vehicles",
    "Foodstuff": "Food",
    "Vegetation": "Plants",
    "Trees": "Plants",
    "Structures": "Buildings",
    "Tools": "Tools",
    "Weapons": "Tools",
}
"""By the innermost folder that has one."""
LEFT_OUT = frozenset(
    (
        *("Hat", "Door", "StoneSign", "Deciduous3Burned", "Back", "Front", "FenceRustic", "Painting", "Rail"),
        *(
            "TunnelSupport",
            "Butterfly",
            "LavaCoreShell",
            "WalkableTrunk",
            "TrunkFront",
            "Flag",
            "Sproutberry",
            "Socket",
        ),
        *("Sickle", "Blunderbuss", "HelpArrow", "Bow", "Sword", "Javelin", "CaseBack", "CaseFront", "Flagpole"),
        *("Hatch", "WoodenBridge", "CottonBranch", "Seaweed", "Leaf", "Sprout", "AirshipBurnt", "Barrel", "Helmet"),
        *("Loom", "Coral", "Hook"),
    )
)
"""Folders of parts, of flat and of nearly invisible things, and of things that are called like the benchmark's."""
SKINS = {
    "Amazon": ("GraphicsFarmer", "amazon", "d0a000"),
    "Beggar": ("Graphics", "beggar", "4040ff"),
    "Carpenter": ("Graphics", "carpenter", "efef40"),
    "DarkSkinned": ("Graphics", "man in a brown shirt", "906000"),
    "Doctor": ("GraphicsAlchemist", "doctor", "d0d0d0"),
    "Guard": ("Graphics", "guard", "a0a050"),
    "Leather": ("GraphicsAlchemist", "man in leather", "a0a020"),
    "MaleBlackHair": ("Graphics", "man with black hair", "4040ff"),
    "MaleBrownHair": ("Graphics", "man with brown hair", "2020ff"),
    "MaleDarkHair": ("Graphics", "man with dark hair", "406d99"),
    "Mime": ("GraphicsAlchemist", "mime", "ffffff"),
    "Ogre": ("GraphicsAlchemist", "ogre", "20ff20"),
    "Sage": ("Graphics", "sage", "813100"),
    "Youngster": ("Graphics", "boy", "ba8e37"),
    "YoungsterBlond": ("Graphics", "blond boy", "151366"),
}
"""Of characters: the mesh, a name, and the colour that the game gives their clothes."""
NAMES = {
    "Clonk": "adventurer",
    "Clonk-Alchemist": "alchemist",
    "Clonk-Farmer": "farmer",
    "Clonk-Steampunk": "inventor",
    "Coconut": "palm tree",
    "Puka": "pet",
    "Wipf": "toy dog",
    "Zaphive": "beehive",
}
"""Better ones than their folders'."""
HEADER, ENTRY = 204, 316
"""Bytes of a group file's head and of each line of its table."""


@dataclass(frozen=True)
class GameObject(Item):
    """A mesh of the package."""

    mesh: Path
    root: Path
    """The unpacked package, whose materials are looked up by name."""
    skin: str | None
    """A material to take instead of the mesh's own."""
    tint: str
    """Colour of clothes and flags, as sRGB."""

    paired = False

    @property
    def weight(self) -> float:
        """More than furniture, of which there is so much."""
        return 1.2 if self.category in ("Animals", "Characters", "Vehicles") else 0.8

    def load(self, texture_side: int = TEXTURE_SIDE) -> Model | None:
        """All submeshes, each with the picture that its material names."""
        parts = read_mesh(self.mesh)
        offsets = np.cumsum([0, *(len(part.vertices) for part in parts)])
        looks = [self._look(self.skin or part.material, texture_side) for part in parts]
        return Model(
            vertices=np.concatenate([part.vertices for part in parts]),
            faces=np.concatenate([part.faces + offset for part, offset in zip(parts, offsets, strict=False)]),
            uvs=np.concatenate([part.uvs * [1, -1] + [0, 1] for part in parts]),
            face_materials=np.repeat(np.arange(len(parts)), [len(part.faces) for part in parts]),
            materials=tuple(material for material, _ in looks),
            texture_hashes=tuple(sorted({digest for _, digest in looks if digest})),
        )

    def _look(self, name: str, side: int) -> tuple[Material, str]:
        """A material, with its texture's hash; where the texture has an overlay, that is tinted."""
        pictures = find_pictures(self.root, name, self.mesh.parent)
        bases = [path for path in pictures if "overlay" not in path.name.lower()]
        if not bases:
            return Material(np.full(3, 0.7, dtype=np.float32), None), ""
        overlays = [path for path in pictures if path not in bases]
        picture = _read(bases[-1], side)
        if overlays:
            overlay = _read(overlays[0], side, picture.shape[:2])
            tint = np.array(tuple(bytes.fromhex(self.tint)), dtype=np.float32) / 255
            share = overlay[..., 3:]
            picture = np.dstack([picture[..., :3] * (1 - share) + overlay[..., :3] * tint * share, picture[..., 3]])
        digest = hashlib.sha256(bases[-1].read_bytes()).hexdigest()[:16]
        return Material(np.ones(3, dtype=np.float32), picture), digest


def fetch(folder: Path) -> Path:
    """The package as a .deb file in `folder`, downloaded if it is not there."""
    return debian.fetch(PACKAGE, folder, "--openclonk")


def unpack(package: Path, folder: Path) -> Path:
    """Unpack the package's objects under `folder`; done only once."""
    finished = folder / "finished"
    if not finished.exists():
        for path, content in debian.read_files(package, ".ocd"):
            if path.name in GROUPS:
                unpack_group(content, folder / path.stem)
        finished.touch()
    return folder


def unpack_group(data: bytes, folder: Path) -> None:
    """Write a group's files and the groups in it, as folders.

    A group file is gzip with other magic bytes; inside lies a scrambled head, a table of names, lengths and offsets,
    and the contents (the game's C4Group.h).
    """
    if data[:2] == b"\x1e\x8c":
        data = zlib.decompressobj(wbits=31).decompress(b"\x1f\x8b" + data[2:])
    head = bytearray(byte ^ 237 for byte in data[:HEADER])
    head[:-2:3], head[2::3] = head[2::3], head[:-2:3]
    if not head.startswith(b"RedWolf Design GrpFolder"):
        raise ConfigError(f"{folder.name} of the package {PACKAGE} is not a group file. Fetch the package again.")
    (count,) = struct.unpack_from("<i", head, 36)
    folder.mkdir(parents=True, exist_ok=True)
    for start in range(HEADER, HEADER + ENTRY * count, ENTRY):
        name = data[start : start + 260].split(b"\0")[0].decode("latin-1")
        _, is_group, size, _, offset = struct.unpack_from("<5i", data, start + 260)
        content = data[HEADER + ENTRY * count + offset :][:size]
        if is_group:
            unpack_group(content, folder / name.removesuffix(".ocd"))
        else:
            (folder / Path(name).name).write_bytes(content)


def read_objects(folder: Path) -> list[GameObject]:
    """Every mesh of the unpacked package that is a whole thing, in a fixed order, and the characters' other clothes."""
    items: list[GameObject] = []
    for mesh in sorted(folder.glob("**/*.mesh")):
        place = mesh.parent.relative_to(folder).parts
        if place[-1] not in LEFT_OUT:
            variant = mesh.stem.removeprefix("Graphics")
            items.append(_object(mesh, folder, "-".join((*place[1:], variant)).strip("-")))
    for skin, (mesh, name, tint) in SKINS.items():
        character = _object(folder / "Objects" / "Clonk" / f"{mesh}.mesh", folder, f"Clonk-{skin}")
        items.append(replace(character, name=name, skin=f"Clonk_{skin}", tint=tint))
    return items


def _object(mesh: Path, root: Path, key: str) -> GameObject:
    place = mesh.parent.relative_to(root).parts
    name = NAMES.get(key) or NAMES.get(place[-1]) or re.sub(r"(?<=[a-z])(?=[A-Z])", " ", place[-1]).lower()
    category = next((CATEGORIES[part] for part in reversed(place) if part in CATEGORIES), "Miscellaneous")
    creator = next((CREATORS[part] for part in place if part in CREATORS), "the OpenClonk team")
    return GameObject(
        *(f"{LIBRARY}-{key}", name.rstrip("0123456789"), category, creator, "CC-BY 3.0", LIBRARY, ()),
        *(mesh, root, None, "c83c28"),
    )


def find_pictures(root: Path, name: str, near: Path) -> list[Path]:
    """The pictures that a material names; of several materials of a name, that in the folder `near` is meant."""
    for folder, body in sorted(_materials(root).get(name, ()), key=lambda found: found[0] != near):
        named = re.findall(r"^\s*(?:texture|set_texture_alias\s+\S+)\s+(\S+\.(?:png|jpg))", body, re.MULTILINE)
        pictures = [folder / picture for picture in named if not re.search("normal", picture, re.IGNORECASE)]
        if found := [picture for picture in pictures if picture.exists()]:
            return found
    return []


@cache
def _materials(root: Path) -> dict[str, list[tuple[Path, str]]]:
    """By name the folders and the bodies of all materials."""
    found: dict[str, list[tuple[Path, str]]] = {}
    for script in sorted(root.glob("**/*.material")):
        for name, body in read_materials(script.read_text(encoding="latin-1")).items():
            found.setdefault(name, []).append((script.parent, body))
    return found


def _read(path: Path, side: int, size: tuple[int, int] | None = None) -> Float32[np.ndarray, "h w 4"]:
    with Image.open(path) as opened:
        image = opened.convert("RGBA")
    if size is None:
        image.thumbnail((side, side), Image.Resampling.BOX)
    else:
        image = image.resize((size[1], size[0]), Image.Resampling.BOX)
    return to_float(image)
