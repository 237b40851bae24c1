"""The formats that there are: one record for each. Importing this loads nothing heavy."""

import logging
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from importlib.metadata import entry_points
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from dreamgaussian.core.errors import ConfigError, DreamGaussianError, InputError
from dreamgaussian.formats.libraries import USD, OptionalLibrary
from dreamgaussian.formats.settings import FormatOptions, GlbSettings

if TYPE_CHECKING:
    from dreamgaussian.core.gaussians import Gaussians
    from dreamgaussian.core.mesh import Mesh

logger = logging.getLogger(__name__)

Kind = Literal["Gaussians", "mesh"]
"""What a file holds."""
ENTRY_POINTS = "dreamgaussian.formats"
"""The group of entry points under which an installed package names its records."""


@dataclass(frozen=True)
class Format:
    """A way to keep Gaussians or a mesh in a file.

    The code is in a module of its own, which is imported when a file is read or written for the first time. It has

    - `read(path)`, which returns Gaussians or a mesh. It may raise anything about a broken file: whoever called `load`
      gets an InputError that names the file. What it returns is checked (indices, finite numbers) after it.
    - `write(asset, path)` or, where the record has `options`, `write(asset, path, options)`. The asset is not empty
      and has only finite numbers. `core.files.atomic_path` makes a file appear whole or not at all.
    - `holds(path)`, where another format has the same ending: whether a file is in this one. Files of which no format
      says so are in the one that has no `holds`.

    An example, a whole format but for its module:

        register(Format(".off", "mesh", "my_package.off", "Geomview's list of polygons, without a texture."))

    A package makes its records known by entry points of the group `dreamgaussian.formats`, such as
    `my_package.off:FORMAT`.
    """

    ending: str
    """Of a file's name, with its dot, in lower case."""
    kind: Kind
    """What such a file holds. Where an ending stands for both, each kind has its record."""
    module: str
    """Name of the module with `read` and `write`."""
    about: str
    """What the format is, for help texts: a sentence."""
    needs: tuple[OptionalLibrary, ...] = ()
    """Libraries to read or write it, which a plain install goes without."""
    beside: tuple[str, ...] = ()
    """Endings of the files that may be written beside: `_albedo.png` stands for name_albedo.png."""
    options: type[FormatOptions] | None = None
    """Class of the settings that `write` takes."""

    def read(self, path: Path) -> "Gaussians | Mesh":
        """What a file holds.

        Raises:
            InputError: the file is broken, empty or has numbers that are not finite.
            BackendUnavailable: a library is not installed.
        """
        from dreamgaussian.formats.validation import checked

        self.require()
        return checked(self._parse(path, "read"), path)

    def write(self, asset: "Gaussians | Mesh", path: Path, *options: FormatOptions) -> None:
        """Write the asset; settings of other formats are passed over.

        Raises:
            ConfigError: the place cannot be written.
            EmptyResult, Diverged: the asset is empty or has numbers that are not finite.
            BackendUnavailable: a library is not installed.
        """
        from dreamgaussian.formats.validation import check_complete

        self.require(*options)
        check_complete(asset, path)
        import_module(self.module).write(asset, path, *self._own(options))

    def require(self, *options: FormatOptions) -> None:
        """Raises BackendUnavailable where a library is missing, for the format or for these settings of it."""
        for library in self.needs:
            library.require(self.ending)
        for own in self._own(options):
            for library in own.needs:
                library.require(f"{self.ending} with these settings")

    def claims(self, path: Path) -> bool | None:
        """Whether a file with this ending is in this format; None where the format cannot tell. Raises as `read`."""
        can_tell = hasattr(import_module(self.module), "holds")
        return self._parse(path, "holds") if can_tell else None

    def files_beside(self, path: Path) -> list[Path]:
        """The files that may be written with the one at `path`."""
        return [path.with_name(path.stem + ending) for ending in self.beside]

    def _parse(self, path: Path, function: str) -> Any:
        """What a function of the module says of a file; what goes wrong is told in one line."""
        parse: Callable[[Path], Any] = getattr(import_module(self.module), function)
        try:
            return parse(path)
        except DreamGaussianError:
            raise
        except Exception as error:  # a parser of broken files may fail in any way
            reason = " ".join(str(error).split())[:200] or type(error).__name__
            raise InputError(f"{path} cannot be read as {self.ending} ({reason}). Export it again.") from error

    def _own(self, options: tuple[FormatOptions, ...]) -> list[FormatOptions]:
        """The settings of this format: those given, or else its defaults; none where it has no settings."""
        if self.options is None:
            return []
        return [next((given for given in options if isinstance(given, self.options)), self.options())]


_formats = [
    Format(".ply", "Gaussians", "dreamgaussian.formats.ply", "The layout of the 3D Gaussian splatting paper's code."),
    Format(".splat", "Gaussians", "dreamgaussian.formats.splat", "32 bytes a Gaussian, for web viewers."),
    Format(".spz", "Gaussians", "dreamgaussian.formats.spz", "Niantic's compressed format, about a tenth of a .ply."),
    Format(".glb", "Gaussians", "dreamgaussian.formats.glb_gaussians", "glTF with KHR_gaussian_splatting."),
    Format(".glb", "mesh", "dreamgaussian.formats.glb", "glTF, with the texture inside.", options=GlbSettings),
    Format(
        ".obj",
        "mesh",
        "dreamgaussian.formats.obj",
        "Wavefront's text format, with a material and images beside it.",
        beside=(".mtl", "_albedo.png", "_normals.png"),
    ),
    Format(
        ".ply",
        "mesh",
        "dreamgaussian.formats.ply_mesh",
        "Positions, normals and colours of the vertices, with the texture beside it.",
        beside=("_albedo.png",),
    ),
    Format(".stl", "mesh", "dreamgaussian.formats.stl", "Triangles without a texture, for slicers."),
    Format(".usdz", "mesh", "dreamgaussian.formats.usdz", "USD in one file, for iPhone, iPad and Mac.", needs=(USD,)),
]
"""In the order in which help texts name them."""


def register(new: Format) -> None:
    """Add a format, for this process. Where one of the same ending and kind is there already, that one writes."""
    _formats.append(new)


def known_formats(kind: Kind | None = None) -> tuple[Format, ...]:
    """The formats that there are: ours, those registered, those of installed packages; or those that hold one kind."""
    known = dict.fromkeys((*_formats, *_installed()))  # a package may have registered what it also names
    return tuple(record for record in known if kind in (None, record.kind))


def endings(*kinds: Kind) -> list[str]:
    """The endings of all formats, or of those that hold certain things."""
    return list(dict.fromkeys(record.ending for record in known_formats() if not kinds or record.kind in kinds))


def named_endings(*kinds: Kind) -> str:
    """`endings` for a sentence: '.ply, .splat or .spz'."""
    *most, last = endings(*kinds)
    return f"{', '.join(most)} or {last}" if most else last


def format_for(path: Path, kind: Kind) -> Format:
    """The format in which Gaussians or a mesh are written under this name. Raises ConfigError where there is none."""
    found = next((record for record in known_formats(kind) if record.ending == path.suffix.lower()), None)
    if found is None:
        named = f"ends in {path.suffix!r}" if path.suffix else "has no ending"
        what = "Gaussians" if kind == "Gaussians" else "A mesh"
        raise ConfigError(f"{path} {named}. {what} can be written as {named_endings(kind)}.")
    return found


def format_of(path: Path) -> Format:
    """The format of a file, which is told by its ending and, where that stands for several, by looking inside.

    Raises InputError for a file that is missing or of no known format.
    """
    candidates = [record for record in known_formats() if record.ending == path.suffix.lower()]
    if not candidates:
        raise InputError(f"{path} is in no format that can be read. Give one of {named_endings()}.")
    check_readable(path)
    if len(candidates) == 1:
        return candidates[0]
    claims = {record: record.claims(path) for record in candidates}
    found = next((record for record in candidates if claims[record]), None)
    found = found or next((record for record in candidates if claims[record] is None), None)
    if found is None:
        raise InputError(f"{path} is in no kind of {path.suffix} that can be read. Export it again.")
    return found


def check_readable(path: Path) -> None:
    """Raises InputError where there is no file or it cannot be opened."""
    try:
        if not path.is_file():
            raise InputError(f"There is no file {path}. Check its path.")
        path.open("rb").close()
    except OSError as error:
        raise InputError(f"{path} cannot be read ({error.strerror}). Check its path and permissions.") from error


@cache
def _installed() -> tuple[Format, ...]:
    """The formats of installed packages; one that cannot be loaded is left out with a warning."""
    return tuple(_from_entry_points())


def _from_entry_points() -> Iterator[Format]:
    for entry in entry_points(group=ENTRY_POINTS):
        try:
            record = entry.load()
        except Exception as error:  # another package's code
            logger.warning("The format %s (%s) cannot be loaded: %s. It is left out.", entry.name, entry.value, error)
            continue
        if isinstance(record, Format):
            yield record
        else:
            logger.warning("The format %s (%s) is no record of a format. It is left out.", entry.name, entry.value)
