"""The third seam: files. `save` and `load` go by a file's ending; `registry.Format` says how to add a format."""

import os
from pathlib import Path
from typing import TYPE_CHECKING, cast

from dreamgaussian.core.axes import Axes
from dreamgaussian.core.errors import ConfigError, InputError
from dreamgaussian.formats.registry import Format as Format
from dreamgaussian.formats.registry import Kind, format_for, format_of, known_formats, named_endings
from dreamgaussian.formats.registry import register as register
from dreamgaussian.formats.settings import TURNTABLES, ExportSettings, FormatOptions

if TYPE_CHECKING:
    from torch import Tensor

    from dreamgaussian.core.gaussians import Gaussians
    from dreamgaussian.core.mesh import Mesh


def save(asset: "Gaussians | Mesh", path: str | Path, *options: FormatOptions) -> None:
    """Write Gaussians or a mesh in the format that the path's ending names.

    The file appears whole or not at all.

    Args:
        asset: what is written.
        path: where; replaced if it is there already.
        options: settings of formats, such as `GlbSettings`; those of other formats are passed over.

    Raises:
        ConfigError: the ending is not known or the place cannot be written.
        BackendUnavailable: the format's library is not installed.
        EmptyResult, Diverged: the asset is empty or has values that are not finite.
    """
    format_for(Path(path), kind_of(asset)).write(asset, Path(path), *options)


def load(path: str | Path) -> "Gaussians | Mesh":
    """Read what a file holds: Gaussians or a mesh.

    Raises:
        InputError: the file is missing, broken, cut short or of no known format.
        BackendUnavailable: the format's library is not installed.
    """
    return format_of(Path(path)).read(Path(path))


def load_gaussians(path: str | Path) -> "Gaussians":
    """Read Gaussians. Raises as `load` does, and InputError for a mesh."""
    return cast("Gaussians", _load(Path(path), "Gaussians"))


def load_mesh(path: str | Path) -> "Mesh":
    """Read a mesh. Raises as `load` does, and InputError for Gaussians."""
    return cast("Mesh", _load(Path(path), "mesh"))


def convert(
    source: str | Path,
    target: str | Path,
    *options: FormatOptions,
    axes: Axes = Axes(),
    overwrite: bool = False,
) -> None:
    """Read a file and write what it holds in another format; docs/formats.md says what each format loses.

    Args:
        source: the file to read.
        target: the file to write; its ending names the format.
        options: settings of the target's format.
        axes: of the source; what is written is y up, the front along +z.
        overwrite: replace files that are there already.

    Raises:
        InputError, BackendUnavailable: as `load`.
        ConfigError: as `save`; the target is there already, or cannot hold what the source does. Nothing is written.
    """
    from dreamgaussian.core.mesh import Mesh

    source, target = Path(source), Path(target)
    found = format_of(source)
    _check_kind(source, found.kind, target)
    goal = check_target(target, found.kind, *options, overwrite=overwrite)
    asset = found.read(source)
    albedo = asset.albedo if isinstance(asset, Mesh) else None
    if albedo is not None and not overwrite:
        # An image of just this content may be there already, written with the same mesh in another format.
        check_free(*(file for file in goal.files_beside(target) if not _is_image(file, albedo)))
    if axes != Axes():
        from dreamgaussian.core.transform import to_y_up

        asset = to_y_up(asset, axes)  # pyright: ignore[reportArgumentType]  # either kind is one of those it takes
    goal.write(asset, target, *options)


def kind_of(asset: "Gaussians | Mesh") -> Kind:
    """What a file of this asset holds."""
    from dreamgaussian.core.gaussians import Gaussians

    return "Gaussians" if isinstance(asset, Gaussians) else "mesh"


def check_target(path: Path, kind: Kind, *options: FormatOptions, overwrite: bool) -> Format:
    """The format of a file that is going to be written, once it is known that it can be. Loads nothing heavy.

    Args:
        path: of the file.
        kind: what it will hold.
        options: settings of its format.
        overwrite: it may be there already.

    Raises:
        ConfigError: the ending names no format; the file is there already, or is a folder; its folder is missing or
            cannot be written.
        BackendUnavailable: the format's library is not installed.
    """
    found = format_for(path, kind)
    found.require(*options)
    if path.is_dir():
        raise ConfigError(f"{path} is a folder. Give the name of a file.")
    if not overwrite:
        check_free(path)
    if not path.parent.is_dir():
        raise ConfigError(f"There is no folder {path.parent}. Make it, or choose another.")
    if not os.access(path.parent, os.W_OK):
        raise ConfigError(f"Nothing can be written into {path.parent}. Choose another folder.")
    return found


def check_files(settings: ExportSettings) -> None:
    """Raises ConfigError or BackendUnavailable where a file that the settings name cannot be written."""
    kinds: dict[str, Kind] = {"gaussians": "Gaussians", "mesh": "mesh"}
    for path in map(Path, settings.files):
        if path.stem in kinds and path.name == str(path):
            format_for(path, kinds[path.stem]).require(settings.glb)
        elif str(path) not in TURNTABLES:
            raise ConfigError(
                f"export.files names {str(path)!r}. Give gaussians with one of {named_endings('Gaussians')}, mesh "
                f"with one of {named_endings('mesh')}, or one of {', '.join(TURNTABLES)}."
            )


def check_free(*paths: Path) -> None:
    """Raises ConfigError where one of the files is there already."""
    for path in paths:
        if path.exists():
            raise ConfigError(f"{path} is already there. Choose another name, or pass --overwrite.")


def _load(path: Path, kind: Kind) -> "Gaussians | Mesh":
    found = format_of(path)
    if found.kind == kind:
        return found.read(path)
    if kind == "mesh":
        raise InputError(f"{path} holds Gaussians, not a mesh. Turn it into one with: dreamgaussian mesh {path}")
    raise InputError(f"{path} holds a mesh, not Gaussians. Give one of {named_endings('Gaussians')} with Gaussians.")


def _check_kind(source: Path, kind: Kind, target: Path) -> None:
    """Raises ConfigError where the target's format holds only what the source does not."""
    held = {record.kind for record in known_formats() if record.ending == target.suffix.lower()}
    if held and kind not in held:
        if kind == "Gaussians":
            raise ConfigError(
                f"{source} holds Gaussians, and {target.suffix} files hold meshes. Make a mesh with: "
                f"dreamgaussian mesh {source} -o {target}"
            )
        raise ConfigError(
            f"{source} holds a mesh, and {target.suffix} files hold Gaussians. Nothing turns one into the other."
        )


def _is_image(file: Path, image: "Tensor") -> bool:
    """Whether a file is just this image."""
    from dreamgaussian.formats.textures import image_bytes

    return file.suffix == ".png" and file.is_file() and file.read_bytes() == image_bytes(image)
