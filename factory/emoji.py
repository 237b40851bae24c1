"""Training objects from flat pictures: the plain things among Microsoft's Fluent emoji, as upright solids."""

import hashlib
import shutil
import subprocess
import tarfile
import unicodedata
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

import numpy as np
import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float32
from PIL import Image
from scipy import ndimage

from dreamgaussian.core.errors import ConfigError
from dreamgaussian.core.image import to_float
from dreamgaussian.inputs.subject import extend_colors
from dreamgaussian.meshing.inflate import two_sheets
from dreamgaussian.priors.mini.start import upright_heights
from factory.holdout import Fingerprint
from factory.items import Item
from factory.objects import TEXTURE_SIDE, Material, Model

PACKAGE = "@lobehub/fluent-emoji-3d@1.1.0"
LIBRARY = "Fluent-emoji"
RESERVED = frozenset(
    (
        *("hamburger", "teddy bear", "robot face", "ghost", "fire extinguisher", "strawberry", "cactus", "guitar"),
        *("school satchel", "alarm clock", "mushroom", "penguin", "racing car", "sailboat", "toolbox", "rocket"),
        *("teapot", "chair", "toilet", "banana", "jack-o-lantern", "basketball and hoop", "womans boots"),
        *("hiking boot", "crown", "house building", "hot dog", "cupcake", "dog", "rabbit", "horse"),
    )
)
"""Kept for examples and tests: never trained on."""
THINGS = (
    *("231a", "23f1-23f2", "2328", "2602-2603", "260e", "2614-2615", "2618", "265f", "2692-2693", "2696-2697"),
    *("2699", "26b0-26b1", "26bd-26be", "26c4", "26cf", "26d1", "26ea", "26f2", "26f4", "26f8", "26fa", "26fd"),
    *("2702", "2708-2709", "270f", "2712", "1f302", "1f30d-1f30f", "1f321", "1f32e-1f341", "1f345-1f384"),
    *("1f388-1f38a", "1f38d-1f390", "1f393", "1f396", "1f399", "1f39f-1f3a2", "1f3a4-1f3a5", "1f3a7-1f3ac"),
    *("1f3ae-1f3b3", "1f3b7-1f3bb", "1f3bd-1f3bf", "1f3c5-1f3c6", "1f3c8-1f3c9", "1f3cd-1f3d3", "1f3da-1f3db"),
    *("1f3df-1f3e6", "1f3e8-1f3f0", "1f3f8-1f43c", "1f43f", "1f452-1f462", "1f47d-1f47e", "1f480", "1f484"),
    *(
        "1f488-1f48a",
        "1f48d-1f48e",
        "1f490",
        "1f4a1",
        "1f4a3",
        "1f4b0",
        "1f4b3",
        "1f4ba-1f4c2",
        "1f4c5-1f4c6",
        "1f4cb-1f4cd",
    ),
    *("1f4d0-1f4d9", "1f4da-1f4df", "1f4e0-1f4e3", "1f4e6", "1f4ea-1f4f1", "1f4f7-1f4ff", "1f50b-1f50e", "1f511-1f514"),
    *("1f526-1f52e", "1f54b-1f54d", "1f56f-1f570", "1f576-1f577", "1f579", "1f58a-1f58d", "1f5a5", "1f5a8"),
    *("1f5b1-1f5b2", "1f5bc", "1f5c3-1f5c4", "1f5d1", "1f5dd", "1f5e1", "1f5f3", "1f5fc-1f5fd", "1f5ff"),
    *("1f681-1f68e", "1f690-1f6a2", "1f6a4", "1f6a6", "1f6a8", "1f6aa", "1f6b2", "1f6c1", "1f6cb", "1f6cd-1f6cf"),
    *("1f6d2", "1f6d5-1f6d6", "1f6dd-1f6df", "1f6e1-1f6e2", "1f6e5", "1f6e9", "1f6f0", "1f6f3-1f6fc"),
    *("1f940-1f945", "1f94a-1f96f", "1f97c-1f9ae", "1f9b4", "1f9b7", "1f9bc-1f9bd", "1f9c0-1f9cb", "1f9e0"),
    *("1f9e2-1f9e6", "1f9e8-1f9ea", "1f9ed-1f9f6", "1f9f9-1f9fd", "1f9ff-1fa74", "1fa80-1fa86", "1fa90-1faa9"),
    *("1fab0-1faba", "1fac0", "1fad0-1fad9"),
)
"""Ranges of code points: food, plants, animals, clothes, vehicles, buildings; no signs, people, hands, weather."""
FLAT = frozenset(
    (
        *("envelope", "ticket", "tickets", "card", "banknote", "newspaper", "page", "calendar", "clipboard"),
        *("book", "notebook", "ledger", "books", "folder", "disk", "disc", "dvd", "key", "keyboard", "ruler"),
        *("scissors", "leaf", "herb", "feather", "kite", "label", "picture", "window", "mirror", "door"),
        *("phone", "scroll", "memo", "dress", "jeans", "shirt", "t-shirt", "kimono", "sari", "briefs"),
        *("shorts", "swimsuit", "bikini", "coat", "vest", "necktie", "scarf", "placard", "receipt", "coin"),
        *("clapper", "boomerang", "saw", "knife", "dagger", "wrench", "spoon", "chopsticks", "fork", "glasses"),
        *("sunglasses", "eyeglasses", "hamsa"),
    )
)
"""Words in the names of thin things."""
BAND = 0.05
"""Width of the rim whose colours the back takes, as a share of the texture's side."""
ROWS_BLUR = 2.0
"""Of the depths from row to row, in pixels."""


@dataclass(frozen=True)
class Emoji(Item):
    """A picture of the package."""

    picture: Path

    @property
    def front_share(self) -> float:
        """Drawings show fronts."""
        return 1.0

    @property
    def weight(self) -> float:
        """A third of all draws together, beside the furniture."""
        return 0.55

    def load(self, texture_side: int = TEXTURE_SIDE) -> Model | None:
        """The picture's solid; how thick it is depends on the name."""
        rgba = _read_picture(self.picture, texture_side)
        rng = np.random.default_rng(np.frombuffer(hashlib.sha256(self.key.encode()).digest(), dtype=np.uint32))
        thickness, exponent = rng.uniform(0.5, 1.0), 2 ** rng.uniform(1, 3)
        return solid(rgba, thickness * (0.3 if FLAT & set(self.name.split()) else 1.0), exponent)

    def fingerprint(self) -> Fingerprint:
        """Told by the picture alone."""
        return Fingerprint(self.key, self.name, hashlib.sha256(self.picture.read_bytes()).hexdigest()[:16], ())


def fetch(folder: Path) -> Path:
    """The package as a .tgz file in `folder`, downloaded if it is not there."""
    folder.mkdir(parents=True, exist_ok=True)
    found = sorted(folder.glob("*.tgz"))
    if found:
        return found[-1]
    by_hand = f"Get it where npm is, with `npm pack {PACKAGE}`, and give the .tgz with --emoji."
    if shutil.which("npm") is None:
        raise ConfigError(
            f"Some training objects come in the npm package {PACKAGE}, and there is no npm here. {by_hand}"
        )
    done = subprocess.run(["npm", "pack", PACKAGE], cwd=folder, capture_output=True, text=True, check=False)
    found = sorted(folder.glob("*.tgz"))
    if not found:
        reason = done.stderr.strip().splitlines()[:1] or ["no reason given"]
        raise ConfigError(f"npm could not download {PACKAGE} ({reason[0]}). {by_hand}")
    return found[-1]


def read_emoji(package: Path, folder: Path) -> list[Emoji]:
    """The plain things of the package, by code point; their pictures are unpacked under `folder`."""
    try:
        with tarfile.open(package) as archive:
            pictures = {
                code: archive.extractfile(member).read()  # pyright: ignore
                for member in archive
                if (code := _code_point(PurePosixPath(member.name))) is not None
            }
    except (OSError, tarfile.TarError) as error:
        raise ConfigError(
            f"The package {package} cannot be read ({error}). Make it with `npm pack {PACKAGE}`."
        ) from error
    folder.mkdir(parents=True, exist_ok=True)
    items: list[Emoji] = []
    for code in sorted(pictures):
        name = unicodedata.name(chr(code), "").lower()
        if name in RESERVED or not name or not _is_thing(code):
            continue
        path = folder / f"{code:x}.webp"
        if not path.exists():
            path.write_bytes(pictures[code])
        items.append(Emoji(f"{LIBRARY}-{code:05x}", name, "Emoji", "Microsoft", "MIT", LIBRARY, (), path))
    return items


def _code_point(path: PurePosixPath) -> int | None:
    """Of a file named after a single one, with or without the selector of its picture form."""
    if path.suffix != ".webp":
        return None
    code = path.stem.removesuffix("-fe0f")
    return int(code, 16) if "-" not in code else None


def _is_thing(code: int) -> bool:
    bounds = ([int(bound, 16) for bound in part.split("-")] for part in THINGS)
    return any(bound[0] <= code <= bound[-1] for bound in bounds)


def _read_picture(path: Path, side: int) -> Float32[np.ndarray, "s s 4"]:
    """Straight RGBA, with a clear margin."""
    with Image.open(path) as image:
        rgba = image.convert("RGBA")
    rgba = rgba.crop(rgba.getbbox())
    rgba.thumbnail((side - 8, side - 8), Image.Resampling.BOX)
    canvas = Image.new("RGBA", (side, side))
    canvas.paste(rgba, ((side - rgba.width) // 2, (side - rgba.height) // 2))
    return to_float(canvas)


def solid(rgba: Float32[np.ndarray, "s s 4"], thickness: float, exponent: float) -> Model:
    """The picture's outline as a solid that stands upright; the picture on its front, and on its back, mirrored, the
    rim's colours carried inwards.

    Args:
        rgba: Straight colours, and alpha.
        thickness: Of the solid, where 1 is about as deep as wide.
        exponent: Of its horizontal sections: 2 for round ones, more for boxy ones (`upright_heights`).

    """
    side, inside = len(rgba), rgba[..., 3] > 0.5
    used, faces = two_sheets(inside)
    rows, columns = np.nonzero(used)
    height = thickness * _half_depth(inside, exponent)[used]
    x, y = columns + 0.5 - side / 2, side / 2 - rows - 0.5
    uv = np.stack([(columns + 0.5) / side, 1 - (rows + 0.5) / side], axis=1)
    white = np.ones(3, dtype=np.float32)
    front = extend_colors(rgba[..., :3], rgba[..., 3])
    back = back_colors(front, inside)
    return Model(
        vertices=np.concatenate([np.stack([x, y, z], axis=1) for z in (height, -height)]) / side,
        faces=faces.astype(np.int64),
        uvs=np.tile(uv, (2, 1)),
        face_materials=np.repeat([0, 1], len(faces) // 2),
        materials=tuple(Material(white, np.dstack([c, np.ones_like(c[..., 0])])) for c in (front, back)),
        texture_hashes=(),
    )


def _half_depth(inside: Bool[np.ndarray, "s s"], exponent: float) -> Float32[np.ndarray, "s s"]:
    """In pixels; looked for at half the resolution, for the work grows with the fourth power of it. Rows are blurred
    into each other, or every step of the outline would leave a furrow round the thing.
    """
    halved = F.avg_pool2d(torch.from_numpy(inside)[None, None].float(), 2) >= 0.5
    heights = 2 * upright_heights(halved[0], exponent)
    full = F.interpolate(heights[None], size=inside.shape, mode="bilinear")[0, 0].numpy()
    return ndimage.gaussian_filter1d(full, ROWS_BLUR, axis=0) * inside


def back_colors(front: Float32[np.ndarray, "s s 3"], inside: Bool[np.ndarray, "s s"]) -> Float32[np.ndarray, "s s 3"]:
    """The front's colours at the rim; further in, what the rim's blur to, so that no face shows."""
    band = BAND * len(inside)
    depth = np.asarray(ndimage.distance_transform_edt(inside))
    carried = extend_colors(front, (inside & (depth <= band)).astype(np.float32)) * inside[..., None]
    sigma = (1.5 * band, 1.5 * band)
    weight = ndimage.gaussian_filter(inside.astype(np.float32), sigma)
    smooth = ndimage.gaussian_filter(carried, (*sigma, 0)) / np.maximum(weight, 1e-6)[..., None]
    inwards = np.clip(depth / band, 0, 1)[..., None]
    return extend_colors((front + (smooth - front) * inwards).astype(np.float32), inside.astype(np.float32))
