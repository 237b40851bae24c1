"""Makes the picture library of text input: training objects from four sides, and pictures of emoji."""

import io
import math
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from jaxtyping import UInt8
from PIL import Image

from dreamgaussian.core.camera import DEFAULT_FOVY_DEG, DEFAULT_RADIUS, Camera
from dreamgaussian.core.errors import ConfigError
from dreamgaussian.core.files import atomic_path
from dreamgaussian.text_to_image.library import LibraryEntry, write_library
from factory.data import DataStep, read_items
from factory.emoji import Emoji
from factory.items import Item
from factory.manifest import data_folder, read_manifest
from factory.render import STUDIO_LIGHT, Scene
from factory.settings import DataSettings, LibrarySettings

ELEVATION_DEG = 15.0
"""Of the rendered views; emoji are seen from the front."""
AZIMUTHS_DEG = (0.0, 90.0, 180.0, 270.0)
"""Of an object's views; the first is a three-quarter view, as the benchmark's input pictures are."""
FILLS = (0.8, 0.7, 0.6, 0.5, 0.4)
"""Share of the frame that the first view's outline takes: the largest at which no view is cut off."""
WHOLE_RADIUS = DEFAULT_RADIUS * math.sin(math.radians(DEFAULT_FOVY_DEG) / 2)
"""Of the largest ball round the origin that every camera sees whole."""
RENDER_SIDE, SIDE, EMOJI_SIDE = 192, 160, 144
"""Of the views as rendered and as shipped, and of the emoji, which are smoother; in pixels."""
EMOJI_FILL = 0.94
TEXTURE_SIDE = 512
SUPERSAMPLING = 3
QUALITY, ALPHA_QUALITY = 84, 60


def make_library(settings: LibrarySettings) -> Iterator[DataStep]:
    """Render, gather and write the archive and its card.

    Raises ConfigError where the data factory has not run, or a listed object is not one that may be trained on.
    """
    splits = {entry.key: entry.split for entry in read_manifest(data_folder(settings.data))}
    listed = read_names()
    if forbidden := [key for key in listed if splits.get(key) != "train"]:
        raise ConfigError(f"{forbidden[0]} is no training object. Run `python -m factory data`, or list another.")
    sources = DataSettings(settings.package, settings.emoji, settings.openclonk)
    items = {item.key: item for item in read_items(sources)}
    entries: list[LibraryEntry] = []
    pictures: dict[str, bytes] = {}
    for done, (key, names) in enumerate(listed.items()):
        item = items[key]
        if isinstance(item, Emoji):
            strip, elevation, azimuths = _emoji(item), 0.0, (0.0,)
        else:
            strip, elevation, azimuths = _strip(item), ELEVATION_DEG, AZIMUTHS_DEG
        pictures[key] = _encode(strip)
        entries.append(LibraryEntry(key, names, elevation, azimuths, item.creator, item.licence))
        yield DataStep("library", done + 1, len(listed))
    with atomic_path(settings.output) as temporary:
        write_library(temporary, entries, pictures)
    with atomic_path(settings.output.with_suffix(".md")) as temporary:
        temporary.write_text(_card(entries), encoding="utf-8")


def read_names() -> dict[str, tuple[str, ...]]:
    """By key the names of the objects in library.txt."""
    lines = Path(__file__).with_name("library.txt").read_text(encoding="utf-8").splitlines()
    pairs = (line.split(": ", 1) for line in lines if line and not line.startswith("#"))
    return {key: tuple(name.strip() for name in names.split(",")) for key, names in pairs}


def _strip(item: Item) -> UInt8[np.ndarray, "s w 4"]:
    """Its views from all `AZIMUTHS_DEG` side by side, by one camera that keeps its distance."""
    model = item.load(TEXTURE_SIDE)
    assert model is not None, item.key
    scene = Scene(model)
    placements = (scene.place_three_quarter(ELEVATION_DEG, fill) for fill in FILLS)
    placement = next(each for each in placements if scene.radius(each) <= WHOLE_RADIUS)
    cameras = [Camera.orbit(azimuth, ELEVATION_DEG, RENDER_SIDE) for azimuth in AZIMUTHS_DEG]
    views = [scene.render(placement, camera, STUDIO_LIGHT, SUPERSAMPLING) for camera in cameras]
    return np.concatenate([_shrink(view) for view in views], axis=1)


def _shrink(view: UInt8[np.ndarray, "r r 4"]) -> UInt8[np.ndarray, "s s 4"]:
    """A premultiplied view with straight alpha, as it is shipped."""
    levels = view.astype(np.float32)
    straight = np.round(levels[..., :3] * 255 / np.maximum(levels[..., 3:], 1)).clip(0, 255)
    fine = Image.fromarray(np.dstack([straight, levels[..., 3]]).astype(np.uint8))
    return np.asarray(fine.resize((SIDE, SIDE), Image.Resampling.LANCZOS))


def _emoji(item: Emoji) -> UInt8[np.ndarray, "s s 4"]:
    """The picture, with a narrow margin."""
    with Image.open(item.picture) as opened:
        rgba = opened.convert("RGBA")
    rgba = rgba.crop(rgba.getbbox())
    scale = EMOJI_FILL * EMOJI_SIDE / max(rgba.size)
    rgba = rgba.resize((round(rgba.width * scale), round(rgba.height * scale)), Image.Resampling.LANCZOS)
    canvas = Image.new("RGBA", (EMOJI_SIDE, EMOJI_SIDE))
    canvas.paste(rgba, ((EMOJI_SIDE - rgba.width) // 2, (EMOJI_SIDE - rgba.height) // 2))
    return np.asarray(canvas)


def _encode(picture: UInt8[np.ndarray, "h w 4"]) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(picture).save(buffer, "WEBP", quality=QUALITY, alpha_quality=ALPHA_QUALITY, method=6)
    return buffer.getvalue()


def _card(entries: list[LibraryEntry]) -> str:
    """What the library holds, and whom it is owed to."""
    kinds = sorted({entry.names[0] for entry in entries})
    credit: dict[str, list[str]] = {}
    for entry in entries:
        credit.setdefault(f"{entry.creator} ({entry.licence})", []).append(entry.names[0])
    lines = [
        "# The picture library",
        "",
        f"Cut-out pictures of {len(entries)} things of {len(kinds)} kinds, for text input without a hub, made by",
        "`python -m factory library`: objects of Debian's packages sweethome3d-furniture 1.8 and openclonk-data 8.1",
        "and figures of factory/figures, each from four sides, and Microsoft's Fluent emoji.",
        "",
        "## Kinds",
        "",
        ", ".join(kinds) + ".",
        "",
        "## Credits",
        "",
        *(f"- {name}: {', '.join(sorted(set(things)))}" for name, things in sorted(credit.items())),
    ]
    return "\n".join(lines) + "\n"
