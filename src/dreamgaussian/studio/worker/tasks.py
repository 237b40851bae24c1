"""Short pieces of work that the page waits for: the cut-out's preview, and files in another format."""

import shutil
import tempfile
from pathlib import Path
from typing import Any

from dreamgaussian.config import from_json
from dreamgaussian.formats import load, save
from dreamgaussian.pipeline import choose_device, open_subject, paint
from dreamgaussian.studio.worker.thumbnails import check_pixels, save_cutout


def do(chore: dict[str, Any]) -> dict[str, Any]:
    """Do the chore that is named under `chore`; the answer's values."""
    if chore["chore"] == "cutout":
        return _cutout(chore)
    return _export(Path(chore["folder"]), chore["name"])


def _cutout(chore: dict[str, Any]) -> dict[str, Any]:
    """Cut an image out as a run with this configuration would, or what it makes of words alone."""
    config = from_json(chore["config"])
    if chore["image"]:
        check_pixels(Path(chore["image"]), chore["max_pixels"])
        subject = open_subject(chore["image"], config)
    else:
        subject = open_subject(paint(config, choose_device(config.device)), config)
    if not subject.views:
        return {"crop": None}
    save_cutout(subject, Path(chore["target"]))
    view = subject.views[0]
    left, top = view.crop.offset_px
    crop = {"left": left, "top": top, "side": view.crop.scale * view.image.shape[0]}
    return {"crop": crop, "elevation_deg": view.camera.elevation_deg}


def _export(folder: Path, name: str) -> dict[str, Any]:
    """Write the run's result once more under a name whose ending tells the format; formats of several files zipped."""
    results = {"gaussians": "gaussians.ply", "mesh": "mesh.glb"}
    exports = folder / "exports"
    exports.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(dir=exports) as temporary:
        target = Path(temporary) / name
        save(load(folder / results[target.stem]), target)
        if len(list(target.parent.iterdir())) > 1:
            target = Path(shutil.make_archive(str(exports / target.stem), "zip", temporary))
        else:
            target = target.replace(exports / name)
    return {"file": target.name}
