"""The embedded text-to-image model: no generator, but credited images, found by their names and recoloured.

`data/library.zip` holds `index.json` (each entry's names, directions and credit) and a WebP of each, its cut-outs side
by side; `python -m factory library` makes it.
"""

import io
import json
import logging
import zipfile
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from jaxtyping import Float32
from PIL import Image

from dreamgaussian.core.errors import WeightsUnavailable
from dreamgaussian.core.image import to_float
from dreamgaussian.inputs.decoding import DecodedImage, PosedInput
from dreamgaussian.text_to_image.matching import Reading, read_prompt
from dreamgaussian.text_to_image.recolor import recolor

if TYPE_CHECKING:
    import torch

    from dreamgaussian.text_to_image import GeneratedImage

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class LibraryEntry:
    """A thing in the library."""

    key: str
    names: tuple[str, ...]
    """What it may be called, the most usual name first."""
    elevation_deg: float
    """From which its images were taken, by one camera that kept its distance."""
    azimuths_deg: tuple[float, ...]
    """Of its images, the first 0."""
    creator: str
    licence: str


@dataclass(frozen=True)
class ImageLibrary:
    """An opened library; a `TextToImage`."""

    path: Path
    entries: tuple[LibraryEntry, ...]

    def read(self, prompt: str) -> Reading:
        """What the library understands of a prompt. Raises InputError where it has no such thing."""
        return read_prompt(prompt, [entry.names for entry in self.entries])

    def images(self, entry: LibraryEntry) -> Float32[np.ndarray, "n s s 4"]:
        """An entry's cut-outs: straight sRGB and alpha."""
        content = _read(self.path, f"{entry.key}.webp")
        strip = to_float(Image.open(io.BytesIO(content)).convert("RGBA"))
        return np.stack(np.split(strip, len(entry.azimuths_deg), axis=1))

    def __call__(self, prompt: str, negative_prompt: str, generator: "torch.Generator") -> "GeneratedImage":
        """The thing that fits the prompt best, in the look asked for; of equals one that is shown from most sides, and
        among these the generator chooses.
        """
        import torch

        from dreamgaussian.text_to_image import GeneratedImage

        reading = self.read(prompt)
        fitting = [self.entries[index] for index in reading.choices]
        sides = max(len(entry.azimuths_deg) for entry in fitting)
        fitting = [entry for entry in fitting if len(entry.azimuths_deg) == sides]
        entry = fitting[int(torch.randint(len(fitting), (), generator=generator))]
        cut_outs = self.images(entry)
        if reading.look is not None:
            cut_outs = recolor(cut_outs, reading.look)
        front, *others = (DecodedImage(rgba, 1.0, f"the library's image {entry.key}") for rgba in cut_outs)
        angles = [(azimuth, entry.elevation_deg) for azimuth in entry.azimuths_deg[1:]]
        further = tuple(PosedInput(*each) for each in zip(others, angles, strict=True))
        metadata = {
            "model": "library",
            "entry": entry.key,
            "kind": reading.kind,
            "look": None if reading.look is None else reading.look.name,
            "ignored": [*reading.ignored, *negative_prompt.split()],
            "score": round(reading.score, 3),
            "credit": f"{entry.creator}, {entry.licence}",
            "elevation_deg": entry.elevation_deg,
            "azimuths_deg": list(entry.azimuths_deg),
        }
        logger.info("%s", _sentence(metadata, len(self.entries), len(fitting)))
        return GeneratedImage(front, entry.elevation_deg, metadata, further)


def shipped_library() -> Path:
    """The archive that comes with the package."""
    return Path(str(files("dreamgaussian") / "text_to_image" / "data" / "library.zip"))


def open_library(path: Path | None = None) -> ImageLibrary:
    """Raises WeightsUnavailable where the archive is missing or broken."""
    path = path or shipped_library()
    entries: list[dict[str, Any]] = json.loads(_read(path, "index.json"))["entries"]
    for entry in entries:
        entry |= {"names": tuple(entry["names"]), "azimuths_deg": tuple(entry["azimuths_deg"])}
    return ImageLibrary(path, tuple(LibraryEntry(**entry) for entry in entries))


def write_library(path: Path, entries: Sequence[LibraryEntry], images: Mapping[str, bytes]) -> None:
    """The archive of the entries and their WebP files. The same content gives the same bytes."""
    with zipfile.ZipFile(path, "w") as archive:
        index = json.dumps({"entries": [asdict(entry) for entry in entries]}, separators=(",", ":"))
        archive.writestr(zipfile.ZipInfo("index.json"), index, zipfile.ZIP_DEFLATED)
        for entry in entries:
            archive.writestr(zipfile.ZipInfo(f"{entry.key}.webp"), images[entry.key], zipfile.ZIP_STORED)


def _sentence(metadata: Mapping[str, object], entries: int, choices: int) -> str:
    look, ignored = metadata["look"], metadata["ignored"]
    assert isinstance(ignored, Iterable)
    parts = [f"The library of {entries} things has {choices} for {metadata['kind']!r}; this is {metadata['entry']}"]
    parts += [f", made {look}" if look else "", f" ({metadata['credit']})."]
    words = ", ".join(map(str, ignored))
    return "".join(parts) + (f" Not understood and left out: {words}." if words else "")


def _read(path: Path, name: str) -> bytes:
    try:
        with zipfile.ZipFile(path) as archive:
            return archive.read(name)
    except (OSError, KeyError, zipfile.BadZipFile) as error:
        raise WeightsUnavailable(
            f"{name} of the image library {path} cannot be read ({error}). Install the package again."
        ) from error
