"""Renders the held-out objects and writes the benchmark's archive: `python -m factory.benchmark`.

Needs the training objects' package (see factory/catalogue.py); whoever only evaluates never runs this.
"""

import hashlib
import io
import json
import sys
import zipfile
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float, Float64, Int16, UInt8

from dreamgaussian.core.image import on_white, psnr, to_float
from dreamgaussian.evaluate.dataset import (
    POINT_STEP,
    BenchmarkEntry,
    decode_image,
    encode_image,
    shipped_objects,
)
from dreamgaussian.evaluate.surface_points import sample_surface
from factory import catalogue
from factory.catalogue import Furniture
from factory.holdout import BENCHMARK_NAMES, split_objects
from factory.objects import Model, look_up
from factory.render import STUDIO_LIGHT, Placement, Scene
from factory.settings import cache_folder

VIEW_COUNT = 16
ELEVATIONS_DEG = (-15.0, 45.0)
TEXTURE_SIDE = 1024
SUPERSAMPLING = 4
POINTS = 20_000
SIGHT_LINES = 64
"""Directions in which a point of the surface may see the open sky."""
MIN_PSNR = 38.0
"""Of the compressed pictures, on white, in dB."""
QUALITIES = (85, 90, 94, 97)
GOLDEN = (5**0.5 - 1) / 2


def build(path: Path) -> Iterator[str]:
    """Write the archive to `path`; yields a line after each object."""
    items = benchmark_items(catalogue.read_catalogue(_sources()))
    entries: list[BenchmarkEntry] = []
    pictures: dict[str, list[bytes]] = {}
    points: dict[str, Float[np.ndarray, "m 3"]] = {}
    for number, item in enumerate(items):
        model = item.load(TEXTURE_SIDE)
        assert model is not None, item.key
        scene = Scene(model)
        elevation = round(10 + 10 * (GOLDEN * number % 1), 1)
        placement = scene.place_three_quarter(elevation)
        entry = BenchmarkEntry(item.key, item.name, item.category, item.creator, item.licence, elevation, view_angles())
        cameras = [entry.input_camera, *entry.cameras]
        views = [scene.render(placement, camera, STUDIO_LIGHT, SUPERSAMPLING) for camera in cameras]
        entries.append(entry)
        pictures[item.key] = [compress(view) for view in views]
        points[item.key] = visible_points(scene, placement, np.random.default_rng(number))
        size = sum(map(len, pictures[item.key]))
        yield f"{number + 1}/{len(items)} {item.name}: radius {scene.radius(placement):.2f}, {size / 1000:.0f} kB"
    path.parent.mkdir(parents=True, exist_ok=True)
    write_archive(path, entries, pictures, points)


def benchmark_items(items: list[Furniture]) -> list[Furniture]:
    """The held-out objects, shuffled once and for all, so that the first few are a fair choice.

    Of several objects of a name the first textured one is taken, as in factory/holdout.py, and the first if none is.
    """
    namesakes = [item for item in items if item.name in BENCHMARK_NAMES]
    splits = split_objects(each for item in namesakes if (each := item.fingerprint()) is not None)
    chosen: dict[str, Furniture] = {}
    for item in namesakes:
        if item.key in splits and (item.name not in chosen or splits[item.key] == "benchmark"):
            chosen[item.name] = item
    return sorted(chosen.values(), key=lambda item: hashlib.sha256(item.name.encode()).digest())


def view_angles() -> tuple[tuple[float, float], ...]:
    """Azimuths at equal steps, none at the input's; elevations spread evenly, without order."""
    low, high = ELEVATIONS_DEG
    azimuths = [(index + 0.5) * 360 / VIEW_COUNT for index in range(VIEW_COUNT)]
    elevations = [round(low + (high - low) * (GOLDEN * (index + 1) % 1), 1) for index in range(VIEW_COUNT)]
    return tuple(zip(azimuths, elevations, strict=True))


def compress(view: UInt8[np.ndarray, "s s 4"]) -> bytes:
    """The smallest WebP that is true to the picture: lossy, or lossless where the colours are too fine for that."""
    truth = torch.from_numpy(to_float(view))
    for quality in QUALITIES:
        content = encode_image(view, quality)
        if psnr(on_white(decode_image(content)), on_white(truth)) >= MIN_PSNR:
            return content
    return encode_image(view, None)


def visible_points(scene: Scene, placement: Placement, rng: np.random.Generator) -> Float[np.ndarray, "m 3"]:
    """Points spread evenly over that part of the placed surface that can be seen from outside."""
    model = scene.model
    vertices = (model.vertices - scene.center) * scene.scale
    points, faces, weights = sample_surface(vertices, model.faces, 8 * POINTS, rng)
    points = points[_is_solid(model, faces, weights)]
    open_sky = np.zeros(len(points), dtype=bool)
    for direction in sphere_directions(SIGHT_LINES):
        hidden = np.flatnonzero(~open_sky)
        rays = np.broadcast_to(direction, (len(hidden), 3))
        open_sky[hidden] = scene.hits(points[hidden] + 1e-4 * direction, rays)["primID"] < 0
    visible = points[open_sky]
    assert len(visible) >= POINTS, len(visible)
    visible = visible[rng.permutation(len(visible))[:POINTS]]
    return visible @ placement.matrix.T + placement.offset


def _is_solid(model: Model, faces: np.ndarray, weights: np.ndarray) -> np.ndarray:
    solid = np.ones(len(faces), dtype=bool)
    uvs = (model.uvs[model.faces[faces]] * weights[..., None]).sum(axis=1)
    for index, material in enumerate(model.materials):
        if material.texture is not None:
            used = model.face_materials[faces] == index
            solid[used] = look_up(material.texture, uvs[used])[:, 3] >= 0.5
    return solid


def write_archive(
    path: Path,
    entries: Sequence[BenchmarkEntry],
    images: dict[str, list[bytes]],
    points: dict[str, Float[np.ndarray, "m 3"]],
) -> None:
    """The archive of all objects; `images` are WebP files, the input first. The same content gives the same bytes."""
    with zipfile.ZipFile(path, "w") as archive:

        def add(name: str, content: bytes, compression: int) -> None:
            archive.writestr(zipfile.ZipInfo(name), content, compression)

        index = json.dumps({"objects": [asdict(entry) for entry in entries]}, indent=1)
        add("index.json", index.encode(), zipfile.ZIP_DEFLATED)
        for entry in entries:
            names = ["input", *(f"{number:02d}" for number in range(len(entry.views_deg)))]
            for name, image in zip(names, images[entry.key], strict=True):
                add(f"{entry.key}/{name}.webp", image, zipfile.ZIP_STORED)
            buffer = io.BytesIO()
            np.save(buffer, encode_points(points[entry.key]))
            add(f"{entry.key}/points.npy", buffer.getvalue(), zipfile.ZIP_LZMA)


def encode_points(points: Float[np.ndarray, "m 3"]) -> Int16[np.ndarray, "3 m"]:
    """Rounded to the grid, sorted along a space-filling curve, as differences of neighbours: these compress well."""
    grid = np.round(points / POINT_STEP).astype(np.int64)
    return np.diff(grid[np.argsort(_morton(grid))], axis=0, prepend=0).T.astype(np.int16)


def sphere_directions(count: int) -> Float64[np.ndarray, "n 3"]:
    """Unit vectors spread evenly over the sphere, along a Fibonacci spiral."""
    index = np.arange(count) + 0.5
    height, turn = 1 - 2 * index / count, np.pi * (1 + 5**0.5) * index
    ring = np.sqrt(1 - height**2)
    return np.stack([ring * np.cos(turn), height, ring * np.sin(turn)], axis=1)


def _morton(grid: np.ndarray) -> np.ndarray:
    """Position along the Z-order curve of grid points within 12 bits of the origin."""
    code = np.zeros(len(grid), dtype=np.int64)
    for bit in range(13):
        for axis in range(3):
            code |= (((grid[:, axis] + 4096) >> bit) & 1) << (3 * bit + axis)
    return code


def _sources() -> Path:
    folder = cache_folder() / "sources" / catalogue.PACKAGE
    return catalogue.unpack(catalogue.fetch(folder), folder)


if __name__ == "__main__":
    for line in build(Path(sys.argv[1]) if len(sys.argv) > 1 else shipped_objects()):
        print(line, flush=True)
