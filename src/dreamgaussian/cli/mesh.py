"""`dreamgaussian mesh`, `texture` and `convert`: work on files, without a whole run."""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from tyro.conf import Positional, arg

from dreamgaussian.cli.progress import stage_bars
from dreamgaussian.cli.words import check_words
from dreamgaussian.config import MeshConfig, TextureConfig
from dreamgaussian.core.axes import Axes
from dreamgaussian.core.errors import ConfigError
from dreamgaussian.formats.settings import GlbSettings
from dreamgaussian.inputs.decoding import check_image
from dreamgaussian.runs.folder import check_mesh_path

if TYPE_CHECKING:
    from dreamgaussian.core.mesh import Mesh
    from dreamgaussian.texture.from_gaussians import MeshProgress


@dataclass(frozen=True)
class MeshCommand:
    """Turn 3D Gaussians, also those made elsewhere, into a textured mesh."""

    gaussians: Annotated[Positional[Path], arg(metavar="SCENE.PLY")]
    """3D Gaussians: .ply as the 3D Gaussian splatting paper's code writes it, .spz, .splat or .glb."""
    output: Annotated[Path | None, arg(aliases=["-o"], metavar="MESH.GLB")] = None
    """Where the mesh goes; its ending tells the format. SCENE.glb where none is given."""
    overwrite: bool = False
    """Replace a file that is already there."""
    faces: int | None = None
    """Short for --mesh.faces."""
    texture_size: int | None = None
    """Short for --mesh.texture-size: pixels, 512 to 4096 as a rule."""
    debug: bool = False
    """Show the whole traceback of an error."""
    settings: Annotated[MeshConfig, arg(name="")] = field(default_factory=MeshConfig)

    def resolved(self) -> MeshConfig:
        """The settings with the short flags put in their places."""
        short = {"faces": self.faces, "texture_size": self.texture_size}
        given = {name: value for name, value in short.items() if value is not None}
        return replace(self.settings, mesh=replace(self.settings.mesh, **given))

    def run(self) -> int:
        """Prints the mesh's path."""
        config = self.resolved()
        path = check_mesh_path(self.output or self.gaussians.with_suffix(".glb"), overwrite=self.overwrite)
        from dreamgaussian.core.device import choose_device
        from dreamgaussian.formats import load_gaussians
        from dreamgaussian.raster import choose_rasterizer
        from dreamgaussian.texture.from_gaussians import mesh_scene

        device = choose_device(config.device)
        rasterizer = choose_rasterizer(config.rasterizer, device)
        gaussians = load_gaussians(self.gaussians).to(device)
        _save_last(mesh_scene(gaussians, rasterizer, config.mesh, config.bake, config.axes), path)
        return 0


@dataclass(frozen=True)
class TextureCommand:
    """Give a mesh a texture, from an image of its front, from words, or both."""

    mesh: Annotated[Positional[Path], arg(metavar="MESH")]
    """.glb, .obj, .ply, .stl or .usdz; y up, the front along +z, or as --up and --front say."""
    image: Annotated[Path | None, arg(metavar="IMAGE")] = None
    """PNG, JPEG or WebP of the mesh's front; see --subject.elevation-deg. Where there are only words, one is looked up
    for the embedded prior, as by `dreamgaussian text`."""
    output: Annotated[Path | None, arg(aliases=["-o"], metavar="MESH.GLB")] = None
    """Where the textured mesh goes; its ending tells the format. MESH-textured.glb where none is given."""
    overwrite: bool = False
    """Replace a file that is already there."""
    debug: bool = False
    """Show the whole traceback of an error."""
    settings: Annotated[TextureConfig, arg(name="")] = field(default_factory=TextureConfig)

    def run(self) -> int:
        """Prints the mesh's path."""
        if self.image is None and not self.settings.prompt:
            raise ConfigError("Neither an image nor words were given. Pass --image IMAGE, --prompt WORDS or both.")
        config = self.settings.run_config()
        if self.image is None:
            check_words(config)
        else:
            check_image(self.image)
        path = check_mesh_path(
            self.output or self.mesh.with_name(f"{self.mesh.stem}-textured.glb"), overwrite=self.overwrite
        )
        from dreamgaussian.formats import load_mesh
        from dreamgaussian.pipeline import open_run
        from dreamgaussian.texture.from_images import texture_mesh

        mesh = load_mesh(self.mesh)
        run = open_run(self.image, config)
        _save_last(texture_mesh(mesh, run.subject, run.prior, run.state.generator, self.settings), path)
        return 0


def _save_last(steps: "Iterator[MeshProgress]", path: Path) -> None:
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


@dataclass(frozen=True)
class ConvertCommand:
    """Write a file of Gaussians, or of a mesh, in another format; the endings say which.

    Gaussians: .ply .spz .splat .glb. Meshes: .glb .usdz .obj .ply .stl.
    """

    source: Annotated[Positional[Path], arg(metavar="FROM")]
    """The file to read."""
    target: Annotated[Positional[Path], arg(metavar="TO")]
    """The file to write."""
    axes: Annotated[Axes, arg(name="")] = field(default_factory=Axes)
    glb: GlbSettings = field(default_factory=GlbSettings)
    overwrite: bool = False
    """Replace a file that is there."""
    debug: bool = False
    """Show the whole traceback of an error."""

    def run(self) -> int:
        """Prints the new file's path."""
        from dreamgaussian.formats import convert

        convert(self.source, self.target, self.glb, axes=self.axes, overwrite=self.overwrite)
        print(self.target)
        return 0
