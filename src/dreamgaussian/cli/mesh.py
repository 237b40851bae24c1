"""`dreamgaussian mesh`: a textured mesh of Gaussians."""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from tyro.conf import Positional, arg

from dreamgaussian.cli.progress import stage_bars
from dreamgaussian.config import MeshConfig
from dreamgaussian.formats import check_free, check_target
from dreamgaussian.formats.registry import named_endings

if TYPE_CHECKING:
    from dreamgaussian.core.mesh import Mesh
    from dreamgaussian.texture.from_gaussians import MeshProgress


@dataclass(frozen=True)
class MeshCommand:
    """Turn 3D Gaussians, also those made elsewhere, into a textured mesh."""

    gaussians: Annotated[
        Positional[Path], arg(metavar="SCENE.PLY", help=f"The file of the Gaussians: {named_endings('Gaussians')}.")
    ]
    output: Annotated[
        Path | None,
        arg(
            aliases=["-o"],
            metavar="MESH.GLB",
            help=f"Where the mesh goes: {named_endings('mesh')}. SCENE.glb where none is given.",
        ),
    ] = None
    overwrite: bool = False
    """Replace a file that is already there."""
    faces: int | None = None
    """Short for --mesh.faces."""
    texture_size: int | None = None
    """Short for --mesh.texture-size: pixels, 512 to 4096 as a rule."""
    settings: Annotated[MeshConfig, arg(name="")] = field(default_factory=MeshConfig)

    def resolved(self) -> MeshConfig:
        """The settings with the short flags put in their places."""
        short = {"faces": self.faces, "texture_size": self.texture_size}
        given = {name: value for name, value in short.items() if value is not None}
        return replace(self.settings, mesh=replace(self.settings.mesh, **given))

    def run(self) -> int:
        """Prints the mesh's path."""
        config = self.resolved()
        path = mesh_target(self.output or self.gaussians.with_suffix(".glb"), overwrite=self.overwrite)
        from dreamgaussian.core.device import choose_device
        from dreamgaussian.formats import load_gaussians
        from dreamgaussian.raster import choose_rasterizer
        from dreamgaussian.texture.from_gaussians import mesh_scene

        device = choose_device(config.device)
        rasterizer = choose_rasterizer(config.rasterizer, device)
        gaussians = load_gaussians(self.gaussians).to(device)
        save_last_mesh(mesh_scene(gaussians, rasterizer, config.mesh, config.bake, config.axes), path)
        return 0


def mesh_target(path: Path, *, overwrite: bool) -> Path:
    """The path, once it is known that a textured mesh can be written there. Raises as `check_target`."""
    found = check_target(path, "mesh", overwrite=overwrite)
    if not overwrite:
        check_free(*found.files_beside(path))
    return path


def save_last_mesh(steps: "Iterator[MeshProgress]", path: Path) -> None:
    """Show a bar for each stage, write the mesh of the last step and print its path."""
    from dreamgaussian.formats import save

    mesh: Mesh | None = None
    with stage_bars() as show:
        for step in steps:
            show(step.stage, step.done, step.total)
            mesh = step.mesh
    assert mesh is not None
    save(mesh, path)
    print(path)
