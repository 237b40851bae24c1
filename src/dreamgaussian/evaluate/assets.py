"""Assets that any program made of the benchmark's input images: the images for it, and its files in our frame."""

import io
import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import torch
from jaxtyping import Float
from PIL import Image
from torch import Tensor

from dreamgaussian.core.camera import Camera
from dreamgaussian.core.errors import ConfigError
from dreamgaussian.core.files import atomic_path
from dreamgaussian.core.framing import Framing, frame_for, frame_gaussians
from dreamgaussian.core.gaussians import Gaussians
from dreamgaussian.core.mesh import Mesh
from dreamgaussian.core.transform import rotated
from dreamgaussian.evaluate.dataset import BenchmarkEntry, read_index, read_input
from dreamgaussian.evaluate.settings import AssetSettings
from dreamgaussian.formats import load
from dreamgaussian.formats.registry import endings

UNTEXTURED_GRAY = 0.5


def write_inputs(folder: Path, archive: Path | None = None) -> None:
    """Write the input images as KEY.png, 256x256 RGBA with straight alpha, and inputs.json with names and elevations.

    Raises:
        InputError: The benchmark's archive cannot be read.
    """
    folder.mkdir(parents=True, exist_ok=True)
    entries = read_index(archive)
    for entry in entries:
        with atomic_path(folder / f"{entry.key}.png") as temporary:
            Image.open(io.BytesIO(read_input(entry, archive))).convert("RGBA").save(temporary, "PNG")
    index = {entry.key: {"name": entry.name, "elevation_deg": entry.elevation_deg} for entry in entries}
    with atomic_path(folder / "inputs.json") as temporary:
        temporary.write_text(json.dumps(index, indent=1) + "\n", encoding="utf-8")


def find_assets(folder: Path, entries: Sequence[BenchmarkEntry]) -> dict[str, Path]:
    """The file of each object that has one, by key.

    Raises:
        ConfigError: There is no file for any of the objects, or more than one for one of them.
    """
    try:
        files = sorted(path for path in folder.iterdir() if path.is_file())
    except OSError as error:
        raise ConfigError(f"The folder {folder} cannot be read ({error.strerror}). Pass a folder of assets.") from error
    readable = endings()
    assets: dict[str, Path] = {}
    for entry in entries:
        own = [path for path in files if path.stem == entry.key and path.suffix.lower() in readable]
        if len(own) > 1:
            raise ConfigError(f"{folder} has {own[0].name} and {own[1].name}. Keep one file for each object.")
        if own:
            assets[entry.key] = own[0]
    if not assets:
        example = entries[0].key
        raise ConfigError(
            f"{folder} has no asset of the {len(entries)} objects. Name the files by the objects' keys, such as "
            f"{example}.glb or {example}.ply; `dreamgaussian eval --write-inputs FOLDER` writes them all."
        )
    return assets


def read_asset(
    path: Path, camera: Camera, input_view: Float[Tensor, "s s 4"], settings: AssetSettings
) -> Gaussians | Mesh:
    """An asset in the benchmark's frame.

    Args:
        path: Its file, in any format that can be read.
        camera: The input image's.
        input_view: The input image, premultiplied; the asset is aligned with its silhouette.
        settings: The frame of the file.

    Returns:
        The asset; a mesh without a texture in grey, so that its shape can be scored.

    Raises:
        InputError: The file is broken, cut short or of no known format.
        EmptyResult: None of its Gaussians is opaque enough to be seen.
    """
    asset = load(path)
    rotation = torch.tensor(settings.axes.rows, dtype=torch.float32)
    if settings.pose == "input":
        # Front and up of the file are those of the input camera: the axes of its frame are its right, up and backward.
        rotation = camera.camera_from_world[:3, :3].T.float() @ rotation
    if isinstance(asset, Gaussians):
        gaussians = rotated(asset, rotation)
        return _aligned_gaussians(gaussians, camera, _fill(input_view)) if settings.align else gaussians
    mesh = rotated(asset, rotation)
    if settings.align:
        framing = frame_for(mesh.vertices[mesh.faces.unique()], camera, _fill(input_view))
        mesh = replace(mesh, vertices=framing.normalize(mesh.vertices))
    if mesh.albedo is None or mesh.uvs is None:
        albedo = torch.full((1, 1, 3), UNTEXTURED_GRAY)
        mesh = replace(mesh, uvs=torch.full_like(mesh.vertices[:, :2], 0.5), albedo=albedo)
    return mesh


def _fill(input_view: Float[Tensor, "s s 4"]) -> float:
    """Share of the frame that the longer side of the silhouette fills."""
    rows, columns = (input_view[..., 3] > 0.5).nonzero().T
    return (max(int(rows.max() - rows.min()), int(columns.max() - columns.min())) + 1) / len(input_view)


def _aligned_gaussians(gaussians: Gaussians, camera: Camera, fill: float) -> Gaussians:
    """The Gaussians moved and scaled so that those that count for a scene's size fill the frame; all are kept."""
    visible, framing = frame_gaussians(gaussians)
    aligned = _normalized(gaussians, framing)
    # One standard deviation from the centre a pixel of an opaque Gaussian is about half transparent.
    offsets = (visible.rotations * visible.scales[:, None]).transpose(1, 2)
    outline = torch.cat([visible.means[:, None] + offsets, visible.means[:, None] - offsets], dim=1).reshape(-1, 3)
    return _normalized(aligned, frame_for(outline, camera, fill))


def _normalized(gaussians: Gaussians, framing: Framing) -> Gaussians:
    return replace(
        gaussians,
        means=framing.normalize(gaussians.means),
        log_scales=gaussians.log_scales - torch.tensor(framing.scale).log(),
    )
