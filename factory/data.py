"""The data factory: from packages of objects to folders of views.

Every object owns two files, so that the work can be interrupted, shared and read back as memory maps:
`KEY.views.npy`, uint8 [groups, 1 + targets, h, w, 4], premultiplied RGBA, the input view first, and
`KEY.cameras.npy`, float32 [groups, 1 + targets, 2], azimuth (0 for the input view) and elevation in degrees.
`manifest.json` lists the objects (`manifest.py`).
"""

from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass
from functools import partial
from multiprocessing import get_context
from pathlib import Path

import numpy as np

from dreamgaussian.core.camera import Camera
from factory import catalogue, emoji, openclonk
from factory.collection import read_collection
from factory.figures import draw_figures
from factory.holdout import Fingerprint, split_objects
from factory.items import Item
from factory.manifest import Entry, data_folder, read_manifest, with_colors, write_manifest
from factory.pairs import draw_pairs
from factory.render import MAX_RADIUS, Light, Placement, Scene
from factory.repaint import draw_repainted
from factory.settings import DataSettings, cache_folder
from factory.shapes import draw_shapes

TRAINING_ELEVATIONS = (-30.0, 60.0)
HELD_OUT_ELEVATIONS = (-15.0, 45.0)
HELD_OUT_GROUPS = 2
InputView = Callable[[Scene, np.random.Generator], tuple[float, Placement]]
"""Draws an input view: its elevation in degrees, and how the model is placed for it."""


@dataclass(frozen=True)
class DataStep:
    """Progress of the data factory."""

    phase: str
    done: int
    total: int


def make_data(settings: DataSettings = DataSettings()) -> Iterator[DataStep]:
    """Fetch, unpack and render whatever is not there yet.

    Objects come in a shuffled order, so that training can start on the first ones.
    """
    folder = data_folder(settings.folder)
    yield DataStep("fetching", 0, 1)
    items = read_items(settings)
    folder.mkdir(parents=True, exist_ok=True)
    with ProcessPoolExecutor(settings.workers, mp_context=get_context("spawn")) as pool:
        known = {entry.library for entry in read_manifest(folder)}
        fresh = [item for item in items if item.library not in known]
        prints: list[Fingerprint] = []
        for done, fingerprint in enumerate(pool.map(_fingerprint, fresh, chunksize=8)):
            if fingerprint is not None:
                prints.append(fingerprint)
            yield DataStep("comparing", done + 1, len(fresh))
        found = _list_objects(folder, items, prints, settings.seed)
        wanted = [(item, entry.split) for item, entry in found if entry.split != "excluded"]
        missing = [each for each in wanted if not (folder / f"{each[0].key}.views.npy").exists()]
        missing = [missing[i] for i in np.random.default_rng(settings.seed).permutation(len(missing))]
        jobs = [pool.submit(_render_item, item, folder, settings, split != "train") for item, split in missing]
        for done, job in enumerate(as_completed(jobs)):
            job.result()
            yield DataStep("rendering", len(wanted) - len(missing) + done + 1, len(wanted))
    write_manifest(folder, with_colors([entry for _, entry in found], folder))


def read_items(settings: DataSettings) -> list[Item]:
    """All things of all packages and of none; packages are fetched and unpacked where they are not there yet."""
    sources = cache_folder() / "sources"
    furniture, pictures, game = (sources / name for name in (catalogue.PACKAGE, "fluent-emoji-3d", openclonk.PACKAGE))
    return [
        *catalogue.read_catalogue(catalogue.unpack(settings.package or catalogue.fetch(furniture), furniture)),
        *emoji.read_emoji(settings.emoji or emoji.fetch(pictures), pictures / "pictures"),
        *draw_shapes(),
        *openclonk.read_objects(openclonk.unpack(settings.openclonk or openclonk.fetch(game), game)),
        *draw_figures(),
        *(read_collection(settings.objects) if settings.objects else ()),
    ]


def _list_objects(folder: Path, items: list[Item], prints: list[Fingerprint], seed: int) -> list[tuple[Item, Entry]]:
    """Write the manifest: the items that have a model, in the splits that they have had so far where there are any, and
    the things made of those that are trained on.
    """
    listed = {entry.key: entry for entry in read_manifest(folder)}
    splits = {key: entry.split for key, entry in listed.items()} | split_objects(prints)
    trained_on = [item for item in items if splits.get(item.key) == "train"]
    made = [*draw_pairs([item for item in trained_on if item.paired], seed), *draw_repainted(trained_on, seed)]
    splits |= {item.key: "train" for item in made}
    found = [
        (item, Entry.of(item, splits[item.key], listed[item.key].colors if item.key in listed else ()))
        for item in [*items, *made]
        if item.key in splits
    ]
    write_manifest(folder, [entry for _, entry in found])
    return found


def _fingerprint(item: Item) -> Fingerprint | None:
    return item.fingerprint()


def _render_item(item: Item, folder: Path, settings: DataSettings, held_out: bool) -> None:
    model = item.load()
    assert model is not None, item.key
    scene = Scene(model)
    # Its own stream, so that an object's views do not depend on which others were rendered before.
    rng = np.random.default_rng([settings.seed, *item.key.encode()])
    if held_out:
        fronts = round(item.front_share * HELD_OUT_GROUPS)
        draws = [_three_quarter_view] * (HELD_OUT_GROUPS - fronts) + [_front_view] * fronts
    else:
        draws = [partial(_training_view, front_share=item.front_share)] * settings.groups
    groups = [_render_group(scene, rng, settings, draw, held_out, item.low_poly) for draw in draws]
    for name, arrays in zip(("cameras", "views"), zip(*groups, strict=True), strict=True):
        part = folder / f"{item.key}.{name}.part.npy"
        np.save(part, np.stack(arrays))
        part.rename(folder / f"{item.key}.{name}.npy")


def _render_group(
    scene: Scene, rng: np.random.Generator, settings: DataSettings, draw: InputView, held_out: bool, low_poly: bool
) -> tuple[np.ndarray, np.ndarray]:
    elevation, placement = draw(scene, rng)
    light = Light.draw(rng)
    smooth = low_poly and rng.uniform() < 0.5
    turns = (np.arange(settings.targets) + rng.uniform(size=settings.targets)) * 360 / settings.targets
    low, high = HELD_OUT_ELEVATIONS if held_out else TRAINING_ELEVATIONS
    elevations = rng.uniform(low, high, size=settings.targets)
    cameras = np.concatenate([[(0.0, elevation)], np.stack([turns, elevations], axis=1)]).astype(np.float32)
    side = settings.resolution
    views = [
        scene.render(placement, Camera.orbit(float(a), float(e), side), light, settings.supersampling, smooth=smooth)
        for a, e in cameras
    ]
    return cameras, np.stack(views)


def _training_view(scene: Scene, rng: np.random.Generator, front_share: float) -> tuple[float, Placement]:
    """An input elevation and a placement, some of the front; drawn again while the model is end-on."""
    draws: list[tuple[float, float, Placement]] = []
    for _ in range(6):
        draw = _front_view if front_share > 0 and rng.uniform() < front_share else _side_view
        elevation, placement = draw(scene, rng)
        draws.append((scene.radius(placement), elevation, placement))
        if draws[-1][0] <= MAX_RADIUS:
            break
    _, elevation, placement = min(draws, key=lambda draw: draw[0])
    return elevation, placement


def _side_view(scene: Scene, rng: np.random.Generator) -> tuple[float, Placement]:
    """An input view from any side, most often slightly from above."""
    elevation = rng.uniform(-10, 40) if rng.uniform() < 0.4 else rng.uniform(0, 20)
    stretch = _draw_stretch(rng)
    return elevation, scene.place(rng.uniform(0, 360), elevation, stretch, rng.uniform(0.72, 0.84))


def _front_view(scene: Scene, rng: np.random.Generator) -> tuple[float, Placement]:
    """An input view as users' pictures have it: from the front or nearly so, at the height of the object."""
    azimuth = rng.uniform(-60, 60) if rng.uniform() < 0.15 else rng.uniform(-25, 25)
    elevation = rng.uniform(-10, 40) if rng.uniform() < 0.2 else rng.uniform(-5, 20)
    return elevation, scene.place(azimuth, elevation, _draw_stretch(rng), rng.uniform(0.72, 0.84))


def _draw_stretch(rng: np.random.Generator) -> np.ndarray:
    """Other proportions, half of the time."""
    return np.exp(rng.normal(scale=0.12, size=3)) if rng.uniform() < 0.5 else np.ones(3)


def _three_quarter_view(scene: Scene, rng: np.random.Generator) -> tuple[float, Placement]:
    """An input view as the benchmark has it."""
    elevation = rng.uniform(10, 20)
    azimuth = rng.choice([-1, 1]) * rng.uniform(25, 50)
    return elevation, scene.place(azimuth, elevation, np.ones(3), 0.8)
