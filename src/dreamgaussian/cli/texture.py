"""`dreamgaussian texture`: a texture for a mesh made elsewhere."""

from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Annotated

from tyro.conf import Positional, arg

from dreamgaussian.cli.mesh import mesh_target, save_last_mesh
from dreamgaussian.cli.run import check_words
from dreamgaussian.config import TextureConfig
from dreamgaussian.core.errors import ConfigError
from dreamgaussian.formats.registry import named_endings
from dreamgaussian.inputs.decoding import check_image
from dreamgaussian.priors.registry import check_name


@dataclass(frozen=True)
class TextureCommand:
    """Give a mesh a texture, from an image of its front, from words, or both."""

    mesh: Annotated[
        Positional[Path],
        arg(
            metavar="MESH",
            help=f"The file of the mesh: {named_endings('mesh')}; y up, the front along +z, or as --up and --front "
            "say.",
        ),
    ]
    image: Annotated[Path | None, arg(metavar="IMAGE")] = None
    """PNG, JPEG or WebP of the mesh's front; see --subject.elevation-deg. Where there are only words, one is looked up
    for the embedded prior, as by `dreamgaussian text`."""
    output: Annotated[
        Path | None,
        arg(
            aliases=["-o"],
            metavar="MESH.GLB",
            help=f"Where the textured mesh goes: {named_endings('mesh')}. MESH-textured.glb where none is given.",
        ),
    ] = None
    prior_path: str | None = None
    """Folder, file or hub id to take the prior's weights from; none given: the published places."""
    overwrite: bool = False
    """Replace a file that is already there."""
    settings: Annotated[TextureConfig, arg(name="")] = field(default_factory=TextureConfig)

    def run(self) -> int:
        """Prints the mesh's path."""
        if self.image is None and not self.settings.prompt:
            raise ConfigError("Neither an image nor words were given. Pass --image IMAGE, --prompt WORDS or both.")
        settings = self.settings
        check_name(settings.prior.name)
        if self.prior_path is not None:
            settings = replace(settings, prior=replace(settings.prior, path=self.prior_path))
        config = settings.run_config()
        if self.image is None:
            check_words(config)
        else:
            check_image(self.image)
        path = mesh_target(
            self.output or self.mesh.with_name(f"{self.mesh.stem}-textured.glb"), overwrite=self.overwrite
        )
        from dreamgaussian.formats import load_mesh
        from dreamgaussian.runs.opening import open_run
        from dreamgaussian.texture.from_images import texture_mesh

        mesh = load_mesh(self.mesh)
        run = open_run(self.image, config)
        save_last_mesh(texture_mesh(mesh, run.subject, run.prior, run.state.generator, settings), path)
        return 0
