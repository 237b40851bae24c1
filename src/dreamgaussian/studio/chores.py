"""Short pieces of work that the page waits for: the cut-out's preview, and files in another format."""

from pathlib import Path
from typing import Any, cast

import numpy as np
import torch

from dreamgaussian.config import from_json
from dreamgaussian.export import GAUSSIAN_ENDINGS, MESH_ENDINGS, save
from dreamgaussian.export.ply import read_ply
from dreamgaussian.mesh.mesh import Mesh
from dreamgaussian.pipeline import open_subject
from dreamgaussian.studio.pictures import check_pixels, save_cutout


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
    target = folder / "exports" / f"{'gaussians' if ending in GAUSSIAN_ENDINGS else 'mesh'}{ending}"
    target.parent.mkdir(exist_ok=True)
    if ending in GAUSSIAN_ENDINGS:
        save(read_ply(folder / "gaussians.ply"), target)
    else:
        assert ending in MESH_ENDINGS
        save(read_mesh(folder / "mesh.glb"), target)
    return {"file": target.name}


def read_mesh(path: Path) -> Mesh:
    """The mesh of a .glb as `export.glb` writes it."""
    import trimesh

    loaded = cast(Any, trimesh.load(path, force="mesh", process=False))
    picture = loaded.visual.material.baseColorTexture.convert("RGB")
    uvs = loaded.visual.uv * (1, -1) + (0, 1)  # trimesh counts v upwards
    return Mesh(
        torch.from_numpy(np.array(loaded.vertices, dtype=np.float32)),
        torch.from_numpy(np.array(loaded.faces, dtype=np.int64)),
        torch.from_numpy(np.array(uvs, dtype=np.float32)),
        torch.from_numpy(np.array(picture, dtype=np.float32) / 255),
    )
