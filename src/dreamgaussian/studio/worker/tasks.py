"""Short tasks that the page waits for: the preview of a cut-out, and files in another format."""

import shutil
import tempfile
from pathlib import Path
from typing import Any

from dreamgaussian.config import from_json
from dreamgaussian.core.device import choose_device
from dreamgaussian.formats import load, save
from dreamgaussian.priors.registry import prior_record
from dreamgaussian.runs.folder import RunFolder
from dreamgaussian.studio.worker.thumbnails import check_pixels, save_cutout
from dreamgaussian.text_to_image import GeneratedImage, generate_image
from dreamgaussian.text_to_image.to_subject import open_subject


def run_task(task: dict[str, Any]) -> dict[str, Any]:
    """Run the task that is named under `task`.

    Args:
        task: `{"task": "cutout", "image", "target", "config", "max_pixels"}`, with an empty `image` for a prompt alone,
            or `{"task": "export", "folder", "name"}`.

    Returns:
        Of a cut-out, `crop` (its square in the image, pixels; None where the prior goes by words alone) and
        `elevation_deg`; of an export, `file`, the name of the file in the folder `exports`.
    """
    if task["task"] == "cutout":
        return _cutout(task)
    return _export(Path(task["folder"]), task["name"])


def _cutout(task: dict[str, Any]) -> dict[str, Any]:
    """Cut an image out as a run with this configuration would, or the image that it would make of the prompt."""
    config = from_json(task["config"])
    if task["image"]:
        check_pixels(Path(task["image"]), task["max_pixels"])
        image: str | GeneratedImage | None = task["image"]
    elif config.text_to_image:
        device = choose_device(config.device)
        words = config.prompt, config.negative_prompt
        image = generate_image(config.text_to_image, *words, config.seed, device, config.hub)
    else:
        image = None
    subject = open_subject(image, config.subject, prior_record(config.prior[0].name).spec.domain)
    if not subject.views:
        return {"crop": None}
    save_cutout(subject, Path(task["target"]))
    view = subject.views[0]
    left, top = view.crop.offset_px
    crop = {"left": left, "top": top, "side": view.crop.scale * view.image.shape[0]}
    return {"crop": crop, "elevation_deg": view.camera.elevation_deg}


def _export(folder: Path, name: str) -> dict[str, Any]:
    """Write the run's result in the format of the name's ending; a format of several files as a .zip."""
    results = {path.stem: path for path in RunFolder(folder).results()}
    exports = folder / "exports"
    exports.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(dir=exports) as temporary:
        target = Path(temporary) / name
        save(load(results[target.stem]), target)
        if len(list(target.parent.iterdir())) > 1:
            target = Path(shutil.make_archive(str(exports / target.stem), "zip", temporary))
        else:
            target = target.replace(exports / name)
    return {"file": target.name}
