"""What the command line can do: each command's flags, and what it carries out. No torch is loaded by importing this."""

import sys
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

from tyro.conf import Positional, UseAppendAction, arg

from dreamgaussian.bars import progress_bars
from dreamgaussian.config import MeshConfig, PresetName, RunConfig, TextureConfig
from dreamgaussian.errors import ConfigError, Diverged
from dreamgaussian.evaluate.settings import EvalSettings
from dreamgaussian.export.settings import GlbSettings
from dreamgaussian.output import check_mesh_path, open_folder, write_results
from dreamgaussian.picture import check_picture
from dreamgaussian.prior_settings import PriorFlag
from dreamgaussian.studio.settings import StudioSettings
from dreamgaussian.subject_settings import PosedPicture, PosedPictureFlag

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dreamgaussian.mesh.mesh import Mesh
    from dreamgaussian.meshing import MeshingStep
    from dreamgaussian.pipeline import Run, Snapshot, StageClock

EXIT_INTERRUPTED = 130
MAX_NAME = 40
"""Characters of a prompt that go into a folder's name."""


@dataclass(frozen=True)
class RunFlags:
    """The flags of all commands that make an asset."""

    output: Annotated[Path | None, arg(aliases=["-o"], metavar="FOLDER")] = None
    """Folder for the results; runs/<name>-001, -002... where none is given."""
    overwrite: bool = False
    """Write into a folder that is not empty."""
    preset: PresetName = "default"
    """Settings to start from; every flag below changes one of them."""
    config: Annotated[Path | None, arg(metavar="RUN.JSON")] = None
    """Repeat the run that wrote this run.json."""
    prior: UseAppendAction[tuple[PriorFlag, ...]] = ()
    """The diffusion prior, mini where nothing is said: the embedded one, which needs no download. May be given several
    times, each with its weight; the first frames the picture and refines the texture."""
    steps: int | None = None
    """Short for --fit.steps."""
    elevation: float | Literal["auto"] | None = None
    """Short for --subject.elevation-deg: degrees from which the picture was taken, positive from above; `auto` for
    --subject.estimate-elevation."""
    lora: Annotated[UseAppendAction[tuple[str, ...]], arg(metavar="FILE[:SCALE]")] = ()
    """A low-rank change (LoRA) to the weights of a prior from the hub; may be given several times."""
    debug: bool = False
    """Show the whole traceback of an error."""
    settings: Annotated[RunConfig, arg(name="")] = field(default_factory=RunConfig)

    def resolved(self) -> RunConfig:
        """The settings with the short flags put in their places."""
        config = self.settings
        if self.prior:
            config = replace(config, prior=self.prior)
        if self.steps is not None:
            config = replace(config, fit=replace(config.fit, steps=self.steps))
        if self.elevation == "auto":
            config = replace(config, subject=replace(config.subject, estimate_elevation=True))
        elif self.elevation is not None:
            known = replace(config.subject, elevation_deg=self.elevation, estimate_elevation=False)
            config = replace(config, subject=known)
        if self.lora:
            config = replace(config, hub=replace(config.hub, lora=self.lora))
        return config


@dataclass(frozen=True)
class ImageCommand(RunFlags):
    """Turn one picture, or several of one subject, into 3D Gaussians and a textured mesh.

    Sides are the subject's own: its left side is that of its left hand, and faces right in the front picture.
    """

    picture: Annotated[Positional[Path | None], arg(metavar="PICTURE")] = None
    """PNG, JPEG or WebP, with or without a background; the front. May be left out with --config."""
    front: Annotated[Path | None, arg(metavar="FILE")] = None
    """The same as PICTURE."""
    left: Annotated[str | None, arg(metavar="FILE")] = None
    """A picture of the subject's left side, azimuth 90."""
    back: Annotated[str | None, arg(metavar="FILE")] = None
    """A picture of its back, azimuth 180."""
    right: Annotated[str | None, arg(metavar="FILE")] = None
    """A picture of its right side, azimuth 270."""
    view: UseAppendAction[tuple[PosedPictureFlag, ...]] = ()
    """A picture from any direction; may be given several times. Azimuth grows from the front (0) to the left (90); the
    elevation may be left out, as with the flags above, and is then the front's."""

    def run(self) -> int:
        """Pictures in, folder out."""
        config = self.resolved()
        if self.picture and self.front and not self.config:
            raise ConfigError(f"{self.picture} and --front {self.front} are both the front. Give one of them.")
        front = self.front or self.picture
        if front is None:
            raise ConfigError("No picture was given. Pass the path of a PNG, JPEG or WebP file.")
        for picture in (front, *(Path(view.file) for view in config.subject.views)):
            check_picture(picture)
        return make_asset(front, config, open_folder(self.output, front.stem, overwrite=self.overwrite))

    def resolved(self) -> RunConfig:
        """The settings; pictures of other sides, where there are any, replace those of a repeated run."""
        config = super().resolved()
        sides = ((self.left, 90.0), (self.back, 180.0), (self.right, 270.0))
        views = *(PosedPicture(file, azimuth) for file, azimuth in sides if file), *self.view
        return replace(config, subject=replace(config.subject, views=views)) if views else config


@dataclass(frozen=True)
class TextCommand(RunFlags):
    """Turn words into 3D Gaussians and a textured mesh. Priors from the hub that know words (mvdream,
    stable-diffusion) go by them. The embedded one, mini, needs a picture: without a hub the words are looked up in a
    small library of pictures of everyday things, and the one found is recoloured ("a red armchair", "a wooden car").
    That is no generator: what the library lacks is an error that names what comes close.
    """

    words: Annotated[Positional[str], arg(metavar="PROMPT")] = ""
    """What to make, such as "a red armchair"."""

    def run(self) -> int:
        """Words in, folder out."""
        config = self.resolved()
        config = replace(config, prompt=self.words or config.prompt)
        if not config.prompt:
            raise ConfigError('No words were given. Say what to make, such as "a red armchair".')
        if config.embedded and config.painter is None:
            raise ConfigError("The embedded prior, mini, goes by a picture. Leave out --via-image none.")
        if config.painter == "library":
            from dreamgaussian.text_to_image.library import open_library

            open_library().read(config.prompt)
        name = "-".join("".join(each if each.isalnum() else " " for each in config.prompt.lower()).split())
        return make_asset(None, config, open_folder(self.output, name[:MAX_NAME], overwrite=self.overwrite))


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
        from dreamgaussian.export import load_gaussians
        from dreamgaussian.meshing import mesh_scene
        from dreamgaussian.pipeline import choose_device
        from dreamgaussian.raster import choose_rasterizer

        device = choose_device(config.device)
        rasterizer = choose_rasterizer(config.rasterizer, device)
        gaussians = load_gaussians(self.gaussians).to(device)
        _save_last(mesh_scene(gaussians, rasterizer, config), path)
        return 0


@dataclass(frozen=True)
class TextureCommand:
    """Give a mesh a texture, from a picture of its front, from words, or both."""

    mesh: Annotated[Positional[Path], arg(metavar="MESH")]
    """.glb, .obj, .ply, .stl or .usdz; y up, the front along +z."""
    image: Annotated[Path | None, arg(metavar="PICTURE")] = None
    """PNG, JPEG or WebP of the mesh's front; see --subject.elevation-deg. Needed by the embedded prior."""
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
            raise ConfigError("Neither a picture nor words were given. Pass --image PICTURE, --prompt WORDS or both.")
        if self.image is None and self.settings.prior == "mini":
            raise ConfigError("The embedded prior, mini, needs a picture. Pass --image, or --prior stable-diffusion.")
        if self.image is not None:
            check_picture(self.image)
        path = check_mesh_path(
            self.output or self.mesh.with_name(f"{self.mesh.stem}-textured.glb"), overwrite=self.overwrite
        )
        from dreamgaussian.export import load_mesh
        from dreamgaussian.pipeline import open_run
        from dreamgaussian.texturing import texture_mesh

        mesh = load_mesh(self.mesh)
        run = open_run(self.image, self.settings.run_config())
        _save_last(texture_mesh(mesh, run.subject, run.prior, run.state.generator, self.settings), path)
        return 0


def _save_last(steps: "Iterator[MeshingStep]", path: Path) -> None:
    """Show a bar for each stage, write the mesh of the last step and print its path."""
    from dreamgaussian.export import save

    mesh: Mesh | None = None
    with progress_bars() as progress:
        bars: dict[str, Any] = {}
        for step in steps:
            if step.stage not in bars:
                bars[step.stage] = progress.add_task(step.stage, facts="")
            progress.update(bars[step.stage], completed=step.done, total=step.total)
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
    glb: GlbSettings = field(default_factory=GlbSettings)
    overwrite: bool = False
    """Replace a file that is there."""
    debug: bool = False
    """Show the whole traceback of an error."""

    def run(self) -> int:
        """Prints the new file's path."""
        from dreamgaussian.export import convert

        convert(self.source, self.target, self.glb, overwrite=self.overwrite)
        print(self.target)
        return 0


@dataclass(frozen=True)
class StudioCommand:
    """Open the studio: a page in the browser in which runs are started, watched and taken home."""

    settings: Annotated[StudioSettings, arg(name="")] = field(default_factory=StudioSettings)
    debug: bool = False
    """Show the whole traceback of an error."""

    def run(self) -> int:
        """Serves until Ctrl-C or SIGTERM."""
        from dreamgaussian.studio import run_studio

        run_studio(self.settings, _announce)
        return 0


@dataclass(frozen=True)
class ViewCommand:
    """Look at Gaussians and meshes in the browser: one file, several beside each other, or a run's folder."""

    files: Annotated[Positional[tuple[Path, ...]], arg(metavar="FILE")]
    """Any file of Gaussians or a mesh that can be read, or the folder of a run."""
    port: int = 0
    """Port to listen on, on this machine alone; 0 for any free one."""
    debug: bool = False
    """Show the whole traceback of an error."""

    def run(self) -> int:
        """Serves until Ctrl-C or SIGTERM."""
        from dreamgaussian.studio import run_view

        run_view(self.files, StudioSettings(port=self.port), _announce)
        return 0


@dataclass(frozen=True)
class EvalCommand:
    """Score whole runs on the benchmark's held-out objects and write a report."""

    settings: Annotated[EvalSettings, arg(name="")] = field(default_factory=EvalSettings)
    debug: bool = False
    """Show the whole traceback of an error."""

    def run(self) -> int:
        """Prints the report's path."""
        from dreamgaussian.evaluate.benchmark import evaluate

        report: Path | None = None
        with progress_bars() as progress:
            bar = progress.add_task("Benchmark", facts="")
            for step in evaluate(self.settings):
                facts = f"{step.name} {step.variant} {step.stage} {step.step}/{step.steps}"
                progress.update(bar, completed=step.done, total=step.total, facts=facts)
                report = step.report
        print(report)
        return 0


def make_asset(picture: Path | None, config: RunConfig, folder: Path) -> int:
    """Run the pipeline with a progress bar per stage, and write what it made, also after Ctrl-C."""
    from dreamgaussian.pipeline import StageClock, open_run

    clock = StageClock()
    run = open_run(picture, config)
    last, interrupted = _watch(run, clock, folder)
    clock.enter("Files")
    if last is not None:
        paths = write_results(folder, picture, run, last, clock)
        print("\n".join(str(path) for path in paths))
    if interrupted:
        done = "before the first step" if last is None else f"in stage {last.stage} after step {last.step}"
        print(f"dreamgaussian: interrupted {done}; what there was is in {folder}.", file=sys.stderr)
        return EXIT_INTERRUPTED
    return 0


def _watch(run: "Run", clock: "StageClock", folder: Path) -> "tuple[Snapshot | None, bool]":
    """Drive the run; the last snapshot, and whether Ctrl-C ended it.

    A fit that diverges leaves its last good state in the folder.
    """
    from dreamgaussian.pipeline import generate

    last: Snapshot | None = None
    try:
        with progress_bars() as progress:
            bars: dict[str, Any] = {}
            for last in generate(run):
                clock.enter(last.stage)
                if last.stage not in bars:
                    bars[last.stage] = progress.add_task(last.stage, facts="")
                progress.update(bars[last.stage], completed=last.step, total=last.steps, facts=_facts(last))
    except KeyboardInterrupt:
        return last, True
    except Diverged:
        from dreamgaussian.export.ply import write_ply

        run.state.save(folder / "fit.safetensors")
        write_ply(run.state.gaussians, folder / "gaussians.ply")
        raise
    return last, False


def _announce(text: str) -> None:
    """Print at once, for who reads through a pipe."""
    print(text, flush=True)


def _facts(snapshot: "Snapshot") -> str:
    loss = "" if snapshot.loss is None else f"loss {snapshot.loss:.4g}  "
    if snapshot.mesh is not None:
        return f"{loss}{len(snapshot.mesh.faces):,} faces"
    return f"{loss}{len(snapshot.gaussians):,} Gaussians"
