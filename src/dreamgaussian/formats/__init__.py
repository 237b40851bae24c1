"""The third seam: files. A format is a function from Gaussians or a mesh to a file and back, chosen by the ending."""

from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dreamgaussian.core.axes import Axes
from dreamgaussian.core.errors import ConfigError, InputError
from dreamgaussian.formats.libraries import need_library
from dreamgaussian.formats.settings import ExportSettings, GlbSettings

if TYPE_CHECKING:
    from dreamgaussian.core.gaussians import Gaussians
    from dreamgaussian.core.mesh import Mesh

GAUSSIAN_WRITERS = {
    ".ply": "ply.write_ply",
    ".splat": "splat.write_splat",
    ".spz": "spz.write_spz",
    ".glb": "glb_gaussians.write_glb_gaussians",
}
MESH_WRITERS = {
    ".glb": "glb.write_glb",
    ".obj": "obj.write_obj",
    ".ply": "ply_mesh.write_ply_mesh",
    ".stl": "stl.write_stl",
    ".usdz": "usd.write_usdz",
}
GAUSSIAN_READERS = {
    ".ply": "ply.read_ply",
    ".splat": "splat.read_splat",
    ".spz": "spz.read_spz",
    ".glb": "glb_gaussians.read_glb_gaussians",
}
MESH_READERS = {
    ".glb": "read_glb.read_glb",
    ".obj": "read_mesh.read_mesh",
    ".ply": "read_mesh.read_mesh",
    ".stl": "read_mesh.read_mesh",
    ".usdz": "read_usd.read_usdz",
}


def save(asset: "Gaussians | Mesh", path: str | Path, glb: GlbSettings = GlbSettings()) -> None:
    """Write Gaussians or a mesh in the format that the path's ending names; `glb` is for a mesh as .glb.

    The file appears whole or not at all. Raises `ConfigError` for another ending or a place that can't be written,
    `BackendUnavailable` where the format's library is not installed, `EmptyResult` and `Diverged` for an asset that is
    empty or has values that are not finite.
    """
    from dreamgaussian.core.gaussians import Gaussians
    from dreamgaussian.formats.checks import check_whole

    path = Path(path)
    is_gaussians = isinstance(asset, Gaussians)
    check_format(path, gaussians=is_gaussians, glb=glb)
    check_whole(asset, path)
    ending = path.suffix.lower()
    write = _function((GAUSSIAN_WRITERS if is_gaussians else MESH_WRITERS)[ending])
    if ending == ".glb" and not is_gaussians:
        write(asset, path, glb)
    else:
        write(asset, path)


def load(path: str | Path) -> "Gaussians | Mesh":
    """Read what a file holds: Gaussians or a mesh.

    Raises `InputError` for a file that is missing, broken, cut short or of no known format, `BackendUnavailable`
    where the format's library is not installed.
    """
    path = Path(path)
    return _read(path, gaussians=_holds_gaussians(path))


def load_gaussians(path: str | Path) -> "Gaussians":
    """Read Gaussians. Raises as `load` does, and `InputError` for a mesh."""
    path = Path(path)
    if not _holds_gaussians(path):
        raise InputError(
            f"{path} holds a mesh, not Gaussians. Give one of {', '.join(GAUSSIAN_READERS)} with Gaussians."
        )
    return _read(path, gaussians=True)


def load_mesh(path: str | Path) -> "Mesh":
    """Read a mesh. Raises as `load` does, and `InputError` for Gaussians."""
    path = Path(path)
    if _holds_gaussians(path):
        raise InputError(f"{path} holds Gaussians, not a mesh. Turn it into one with: dreamgaussian mesh {path}")
    return _read(path, gaussians=False)


def convert(
    source: str | Path,
    target: str | Path,
    glb: GlbSettings = GlbSettings(),
    *,
    axes: Axes = Axes(),
    overwrite: bool = False,
) -> None:
    """Read a file and write what it holds in another format; docs/formats.md says what each format loses. Where the
    source has other `axes` than ours, it is turned upright.

    Raises as `load` and `save` do, `ConfigError` also where the target exists (unless `overwrite`) or cannot hold what
    the source does. Nothing is written then.
    """
    source, target = Path(source), Path(target)
    gaussians = _holds_gaussians(source)
    ending = target.suffix.lower()
    if gaussians and ending in MESH_WRITERS and ending not in GAUSSIAN_WRITERS:
        raise ConfigError(
            f"{source} holds Gaussians, and {ending} files hold meshes. Make a mesh with: "
            f"dreamgaussian mesh {source} -o {target}"
        )
    if not gaussians and ending in GAUSSIAN_WRITERS and ending not in MESH_WRITERS:
        raise ConfigError(
            f"{source} holds a mesh, and {ending} files hold Gaussians. Nothing turns one into the other."
        )
    check_format(target, gaussians=gaussians, glb=glb)
    if not overwrite:
        check_free(target)
    asset = _read(source, gaussians=gaussians)
    if not gaussians and not overwrite and asset.albedo is not None:
        from dreamgaussian.formats.textures import image_bytes

        # The image of the same mesh in another format may be there already.
        check_free(*(file for file in files_beside(target) if not _holds(file, lambda: image_bytes(asset.albedo))))
    if axes != Axes():
        from dreamgaussian.core.transform import to_y_up

        asset = to_y_up(asset, axes)
    save(asset, target, glb)


def check_format(path: Path, *, gaussians: bool, glb: GlbSettings = GlbSettings()) -> None:
    """Raises `ConfigError` where Gaussians or a mesh cannot be written with this ending, `BackendUnavailable` where
    its library is missing. Loads nothing heavy.
    """
    kind, writers = ("Gaussians", GAUSSIAN_WRITERS) if gaussians else ("A mesh", MESH_WRITERS)
    ending = path.suffix.lower()
    if ending not in writers:
        named = f"ends in {ending!r}" if ending else "has no ending"
        raise ConfigError(f"{path} {named}. {kind} can be written as {' or '.join(writers)}.")
    need_library(ending)
    if ending == ".glb" and glb.compression == "meshopt":
        need_library("meshopt")


def check_files(settings: ExportSettings) -> None:
    """Raises `BackendUnavailable` where a file that the settings name needs a library that is not installed."""
    for path in map(Path, settings.files):
        if path.stem != "turntable":
            check_format(path, gaussians=path.stem == "gaussians", glb=settings.glb)


def check_free(*paths: Path) -> None:
    """Raises `ConfigError` where one of the files is there already."""
    for path in paths:
        if path.exists():
            raise ConfigError(f"{path} is already there. Choose another name, or pass --overwrite.")


def _holds(path: Path, content: Callable[[], bytes]) -> bool:
    """Whether there is a file of just this content."""
    return path.suffix == ".png" and path.is_file() and path.read_bytes() == content()


def files_beside(path: Path) -> list[Path]:
    """The files that may be written with the one of a textured mesh: its material and images."""
    beside = {".obj": [".mtl", "_albedo.png", "_normals.png"], ".ply": ["_albedo.png"]}
    return [path.with_name(path.stem + ending) for ending in beside.get(path.suffix.lower(), [])]


def _read(path: Path, *, gaussians: bool) -> Any:
    ending = path.suffix.lower()
    need_library(ending)
    return _function((GAUSSIAN_READERS if gaussians else MESH_READERS)[ending])(path)


def _function(name: str) -> Callable[..., Any]:
    module, function = name.split(".")
    return getattr(import_module(f"dreamgaussian.formats.{module}"), function)


def _holds_gaussians(path: Path) -> bool:
    """Whether a file holds Gaussians, or a mesh; some endings are used for both."""
    ending = path.suffix.lower()
    if ending == ".ply":
        from dreamgaussian.formats.ply import holds_gaussians

        return holds_gaussians(path)
    if ending == ".glb":
        from dreamgaussian.formats.glb_gaussians import EXTENSION
        from dreamgaussian.formats.gltf import read_container

        return EXTENSION in read_container(path)[0].get("extensionsUsed", [])
    if ending not in GAUSSIAN_READERS and ending not in MESH_READERS:
        known = ", ".join(dict.fromkeys([*GAUSSIAN_READERS, *MESH_READERS]))
        raise InputError(f"{path} is in no format that can be read. Give one of {known}.")
    return ending in GAUSSIAN_READERS
