"""One call for a whole run: an image or words in; Gaussians, a textured mesh and files out."""

from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, replace
from pathlib import Path

from dreamgaussian.config import RunConfig
from dreamgaussian.core.gaussians import Gaussians
from dreamgaussian.core.mesh import Mesh
from dreamgaussian.inputs.settings import PosedImage
from dreamgaussian.inputs.subject import Subject
from dreamgaussian.pipeline import Snapshot, StageClock, generate, open_run
from dreamgaussian.runs.folder import results_folder, write_results


@dataclass(frozen=True, eq=False)
class Result:
    """What a run made."""

    subject: Subject
    gaussians: Gaussians
    mesh: Mesh
    seconds: dict[str, float]
    """Per stage."""
    files: tuple[Path, ...] = ()


def image_to_3d(
    image: str | Path,
    config: RunConfig = RunConfig(),
    *,
    views: Sequence[PosedImage] = (),
    output: str | Path | None = None,
    overwrite: bool = False,
) -> Result:
    """One image to Gaussians and a textured mesh, without a word; files are written only into a given `output`.

    `views` are further images of the subject, from other directions.

    Raises a DreamGaussianError that says what was wrong and what to do.
    """
    if views:
        config = replace(config, subject=replace(config.subject, views=tuple(views)))
    with _folder(output, overwrite) as folder:
        return _carry_out(Path(image), config, folder)


def text_to_3d(
    prompt: str, config: RunConfig = RunConfig(), *, output: str | Path | None = None, overwrite: bool = False
) -> Result:
    """Words to Gaussians and a textured mesh, as `image_to_3d` does; docs/text.md says what goes by which words.

    Raises InputError where the image library, which the embedded prior goes by, has no such thing.
    """
    with _folder(output, overwrite) as folder:
        return _carry_out(None, replace(config, prompt=prompt), folder)


def _folder(output: str | Path | None, overwrite: bool) -> AbstractContextManager[Path | None]:
    return nullcontext() if output is None else results_folder(Path(output), overwrite=overwrite)


def _carry_out(image: Path | None, config: RunConfig, folder: Path | None) -> Result:
    """The whole run; files are written only into a folder."""
    clock = StageClock()
    run = open_run(image, config)
    last: Snapshot | None = None
    for last in generate(run):
        clock.enter(last.stage)
    assert last is not None
    assert last.mesh is not None
    clock.enter("Files")
    files = write_results(folder, image, run, last, clock) if folder else []
    return Result(run.subject, last.gaussians, last.mesh, clock.read(), tuple(files))
