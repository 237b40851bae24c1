"""One call for a whole run: an image or words in; Gaussians, a textured mesh and files out."""

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from dreamgaussian.config import RunConfig
from dreamgaussian.core.gaussians import Gaussians
from dreamgaussian.core.mesh import Mesh
from dreamgaussian.guidance.prior import Prior
from dreamgaussian.inputs.settings import PosedImage
from dreamgaussian.inputs.subject import Subject
from dreamgaussian.pipeline import Run, Snapshot, generate
from dreamgaussian.priors.registry import PriorRecord
from dreamgaussian.runs.driver import drive, reopen_run
from dreamgaussian.runs.folder import RunFolder, results_folder
from dreamgaussian.runs.opening import open_run
from dreamgaussian.text_to_image import TextToImage


@dataclass(frozen=True, eq=False)
class Result:
    """What a run made."""

    subject: Subject
    gaussians: Gaussians
    mesh: Mesh
    seconds: dict[str, float]
    """Of each stage."""
    files: tuple[Path, ...] = ()


def image_to_3d(
    image: str | Path,
    config: RunConfig = RunConfig(),
    *,
    prior: Prior | PriorRecord | None = None,
    views: Sequence[PosedImage] = (),
    output: str | Path | None = None,
    overwrite: bool = False,
) -> Result:
    """One image to Gaussians and a textured mesh.

    Args:
        image: The front of the subject.
        config: The settings; `preset` gives others than the defaults.
        prior: Guides the run in place of the priors that the settings name: an object with the members of
            `guidance.prior.Prior`, or a `PriorRecord` where it can only be made when the subject is known.
        views: Further images of the subject, from other directions.
        output: Folder for the files; None: no file is written.
        overwrite: Write into a folder that is not empty.

    Raises:
        DreamGaussianError: Says what was wrong and what to do.
    """
    if views:
        config = replace(config, subject=replace(config.subject, views=tuple(views)))
    if output is None:
        return _generated(open_run(image, config, prior=prior))
    with results_folder(Path(output), overwrite=overwrite) as folder:
        return _driven(open_run(image, config, prior=prior), Path(image), RunFolder(folder))


def text_to_3d(
    prompt: str,
    config: RunConfig = RunConfig(),
    *,
    prior: Prior | PriorRecord | None = None,
    text_to_image: TextToImage | None = None,
    output: str | Path | None = None,
    overwrite: bool = False,
) -> Result:
    """Words to Gaussians and a textured mesh, as `image_to_3d` does; docs/text.md says what goes by which words.

    Args:
        prompt: What to make.
        config: The settings.
        prior: As in `image_to_3d`.
        text_to_image: Makes an image of the words first, in place of the model that the settings name
            (`text_to_image.TextToImage`).
        output: Folder for the files; None: no file is written.
        overwrite: Write into a folder that is not empty.

    Raises:
        InputError: Where the image library, which words for the embedded prior go through, has no such thing.
        DreamGaussianError: Says what else was wrong and what to do.
    """
    config = replace(config, prompt=prompt)
    if output is None:
        return _generated(open_run(None, config, prior=prior, text_to_image=text_to_image))
    with results_folder(Path(output), overwrite=overwrite) as folder:
        return _driven(open_run(None, config, prior=prior, text_to_image=text_to_image), None, RunFolder(folder))


def resume(
    folder: str | Path, *, prior: Prior | PriorRecord | None = None, text_to_image: TextToImage | None = None
) -> Result:
    """Go on with a run that was stopped, from the state in its folder; the result is as if it had not been.

    `prior` and `text_to_image` are those that the run was given, where it was given any.
    Raises ConfigError where the folder holds no run that was stopped.
    """
    run, image = reopen_run(RunFolder(Path(folder)), prior=prior, text_to_image=text_to_image)
    return _driven(run, image, RunFolder(Path(folder)))


def _generated(run: Run) -> Result:
    (last,) = deque(generate(run), maxlen=1)
    return _result(run, last)


def _driven(run: Run, image: Path | None, folder: RunFolder) -> Result:
    last, files = drive(run, image, folder)
    return replace(_result(run, last), files=tuple(files))


def _result(run: Run, last: Snapshot) -> Result:
    assert last.mesh is not None
    return Result(run.subject, last.gaussians, last.mesh, dict(last.seconds))
