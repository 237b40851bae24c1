"""The third seam: files. A format is a function from Gaussians or a mesh to a file, chosen by the file's ending."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dreamgaussian.errors import ConfigError

if TYPE_CHECKING:
    from dreamgaussian.gaussians import Gaussians
    from dreamgaussian.mesh.mesh import Mesh

GAUSSIAN_ENDINGS = (".ply", ".splat")
MESH_ENDINGS = (".glb", ".obj")


def save(asset: "Gaussians | Mesh", path: str | Path) -> None:
    """Write Gaussians (.ply, .splat) or a mesh (.glb, .obj) in the format that the path's ending names.

    The file appears whole or not at all. Raises `ConfigError` for another ending or a place that can't be written.
    """
    path = Path(path)
    writer_for(asset, path)(asset, path)


def writer_for(asset: "Gaussians | Mesh", path: Path) -> Callable[[Any, Path], object]:
    """The function that writes this kind of asset to a path of this ending."""
    from dreamgaussian.gaussians import Gaussians

    is_gaussians = isinstance(asset, Gaussians)
    kind, endings = ("Gaussians", GAUSSIAN_ENDINGS) if is_gaussians else ("A mesh", MESH_ENDINGS)
    ending = path.suffix.lower()
    if ending not in endings:
        named = f"ends in {ending!r}" if ending else "has no ending"
        raise ConfigError(f"{path} {named}. {kind} can be written as {' or '.join(endings)}.")
    if ending == ".ply":
        from dreamgaussian.export.ply import write_ply as write
    elif ending == ".splat":
        from dreamgaussian.export.splat import write_splat as write
    elif ending == ".glb":
        from dreamgaussian.export.glb import write_glb as write
    else:
        from dreamgaussian.export.obj import write_obj as write
    return write
