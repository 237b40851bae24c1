"""Short pieces of work that the page waits for: the cut-out's preview, and files in another format."""

import shutil
import tempfile
from pathlib import Path
from typing import Any

from dreamgaussian.config import from_json
from dreamgaussian.export import load, save
from dreamgaussian.pipeline import open_subject
from dreamgaussian.studio.pictures import check_pixels, save_cutout


def do(chore: dict[str, Any]) -> dict[str, Any]:
    """Do the chore that is named under `chore`; the answer's values."""
    if chore["chore"] == "cutout":
        return _cutout(chore)
    return _export(Path(chore["folder"]), chore["name"])


def _cutout(chore: dict[str, Any]) -> dict[str, Any]:
    """Cut a picture out as a run with this configuration would."""
    picture = Path(chore["picture"])
    check_pixels(picture, chore["max_pixels"])
    subject = open_subject(picture, from_json(chore["config"]))
    save_cutout(subject, Path(chore["target"]))
    crop = subject.views[0].crop
    side = crop.scale * subject.views[0].picture.shape[0]
    return {"crop": {"left": crop.offset_px[0], "top": crop.offset_px[1], "side": side}}


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
