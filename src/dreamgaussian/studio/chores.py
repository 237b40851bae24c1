"""Short pieces of work that the page waits for: the cut-out's preview, and files in another format."""

from pathlib import Path
from typing import Any

from dreamgaussian.config import from_json
from dreamgaussian.export import load, save
from dreamgaussian.pipeline import open_subject
from dreamgaussian.studio.pictures import check_pixels, save_cutout
from dreamgaussian.studio.settings import GAUSSIAN_ENDINGS


def do(chore: dict[str, Any]) -> dict[str, Any]:
    """Do the chore that is named under `chore`; the answer's values."""
    if chore["chore"] == "cutout":
        return _cutout(chore)
    return _export(Path(chore["folder"]), chore["ending"])


def _cutout(chore: dict[str, Any]) -> dict[str, Any]:
    """Cut a picture out as a run with this configuration would."""
    picture = Path(chore["picture"])
    check_pixels(picture, chore["max_pixels"])
    subject = open_subject(picture, from_json(chore["config"]))
    save_cutout(subject, Path(chore["target"]))
    crop = subject.views[0].crop
    side = crop.scale * subject.views[0].picture.shape[0]
    return {"crop": {"left": crop.offset_px[0], "top": crop.offset_px[1], "side": side}}


def _export(folder: Path, ending: str) -> dict[str, Any]:
    """Write the run's result once more, in the format of that ending."""
    name, source = ("gaussians", "gaussians.ply") if ending in GAUSSIAN_ENDINGS else ("mesh", "mesh.glb")
    target = folder / "exports" / f"{name}{ending}"
    target.parent.mkdir(exist_ok=True)
    save(load(folder / source), target)
    return {"file": target.name}
