"""The training set in a few files that can travel: zips of WebP sheets, and back to a data folder.

A shard holds `manifest.json` with its objects, and for each of them `KEY.cameras.npy` and `KEY.webp`: a row of the
sheet is a group, straight colours, compressed with loss, and alpha without.
"""

import io
import json
import zipfile
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict
from multiprocessing import get_context
from pathlib import Path

import numpy as np
from jaxtyping import UInt8
from PIL import Image

from dreamgaussian.core.errors import ConfigError
from dreamgaussian.core.files import atomic_path
from factory.data import DataStep
from factory.dataset import rendered
from factory.manifest import Entry, data_folder, parse_manifest, read_manifest, write_manifest
from factory.settings import PackSettings, UnpackSettings

MAX_BYTES = 20 * 2**20
"""Of a shard; a file of this size goes through most doors, the repository of 39 MiB and one shard through 64 MiB."""
OVERHEAD = 1500
"""Bytes, at most, of an object's entries in the zip's and the manifest's lists."""

Views = UInt8[np.ndarray, "groups views s s 4"]


def pack_views(settings: PackSettings = PackSettings()) -> Iterator[DataStep]:
    """Write the shards of all objects that are trained on or watched, the benchmark's never."""
    folder = data_folder(settings.data)
    entries = [entry for split in ("train", "validation") for entry in rendered(folder, split)]
    if not entries:
        raise ConfigError(f"No training views in {folder}. Make them with `python -m factory data`.")
    settings.output.mkdir(parents=True, exist_ok=True)
    shard: list[tuple[Entry, bytes, bytes]] = []
    size, number = 0, 0
    for done, entry in enumerate(entries):
        views = np.load(folder / f"{entry.key}.views.npy", mmap_mode="r")[: settings.groups]
        cameras = io.BytesIO()
        np.save(cameras, np.load(folder / f"{entry.key}.cameras.npy")[: settings.groups])
        sheet = encode_sheet(views, settings.quality)
        needed = len(sheet) + len(cameras.getvalue()) + OVERHEAD
        if size + needed > MAX_BYTES:
            _write_shard(settings.output / f"views-{number:02d}.zip", shard)
            shard, size, number = [], 0, number + 1
        shard.append((entry, sheet, cameras.getvalue()))
        size += needed
        yield DataStep("packing", done + 1, len(entries))
    _write_shard(settings.output / f"views-{number:02d}.zip", shard)


def unpack_views(settings: UnpackSettings) -> Iterator[DataStep]:
    """Write the shards' views into a data folder; objects that are already there stay as they are."""
    shards = sorted(settings.shards.glob("views-*.zip"))
    if not shards:
        raise ConfigError(f"No views-*.zip in {settings.shards}. Write them with `python -m factory pack`.")
    folder = data_folder(settings.data)
    folder.mkdir(parents=True, exist_ok=True)
    with ProcessPoolExecutor(settings.workers, mp_context=get_context("spawn")) as pool:
        for done, path in enumerate(shards):
            listed = read_manifest(folder)
            known = {entry.key for entry in listed}
            try:
                with zipfile.ZipFile(path) as archive:
                    fresh = [e for e in parse_manifest(archive.read("manifest.json").decode()) if e.key not in known]
                    contents = ([archive.read(f"{e.key}{end}") for end in (".webp", ".cameras.npy")] for e in fresh)
                    jobs = [pool.submit(_unpack, folder, e.key, *c) for e, c in zip(fresh, contents, strict=True)]
                for job in jobs:
                    job.result()
            except (OSError, KeyError, ValueError, zipfile.BadZipFile) as error:
                raise ConfigError(f"{path} is not a whole shard of views ({error}). Copy it again.") from error
            write_manifest(folder, [*listed, *fresh])
            yield DataStep("unpacking", done + 1, len(shards))


def _unpack(folder: Path, key: str, sheet: bytes, cameras: bytes) -> None:
    """Write an object's two files."""
    angles = np.load(io.BytesIO(cameras))
    np.save(folder / f"{key}.cameras.npy", angles)
    np.save(folder / f"{key}.views.npy", decode_sheet(sheet, angles.shape[1]))


def encode_sheet(views: Views, quality: int) -> bytes:
    """An object's premultiplied views as one WebP."""
    g, n, s = views.shape[:3]
    alpha = views[..., 3:].astype(np.float32)
    straight = np.clip(np.round(views[..., :3] * (255 / np.maximum(alpha, 1))), 0, 255).astype(np.uint8)
    rgba = np.concatenate([straight, views[..., 3:]], axis=-1)
    content = io.BytesIO()
    sheet = Image.fromarray(rgba.transpose(0, 2, 1, 3, 4).reshape(g * s, n * s, 4))
    sheet.save(content, "WEBP", quality=quality, alpha_quality=100, method=4)
    return content.getvalue()


def decode_sheet(content: bytes, count: int) -> Views:
    """The views of a sheet with `count` of them in a row."""
    with Image.open(io.BytesIO(content)) as image:
        rgba = np.asarray(image.convert("RGBA"))
    s = rgba.shape[1] // count
    views = rgba.reshape(-1, s, count, s, 4).transpose(0, 2, 1, 3, 4)
    colors = np.round(views[..., :3] * (views[..., 3:].astype(np.float32) / 255)).astype(np.uint8)
    return np.concatenate([colors, views[..., 3:]], axis=-1)


def _write_shard(path: Path, objects: list[tuple[Entry, bytes, bytes]]) -> None:
    with atomic_path(path) as temporary, zipfile.ZipFile(temporary, "w") as archive:
        archive.writestr("manifest.json", json.dumps([asdict(entry) for entry, _, _ in objects]))
        for entry, sheet, cameras in objects:
            archive.writestr(f"{entry.key}.webp", sheet)
            archive.writestr(f"{entry.key}.cameras.npy", cameras)
