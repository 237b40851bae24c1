import io
import json
import zipfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from dreamgaussian.core.camera import Camera
from dreamgaussian.core.errors import ConfigError
from factory.collection import read_collection
from factory.holdout import VALIDATION_PACKS, split_objects
from factory.render import Light, Scene

FRONTAL = Light((0.0, 0.0, 1.0), key=0.0, head=0.0, ambient=1.0)
SQUARE = np.array([[-1, -1, 0], [1, -1, 0], [1, 1, 0], [-1, 1, 0]])
FACES = np.array([[0, 1, 2], [0, 2, 3]])
UPPER_LEFT_FIRST = np.array([[0, 1], [1, 1], [1, 0], [0, 0]])
"""Of the square's corners, as the format counts: v grows downwards."""


def write_collection(folder: Path, *objects: dict[str, object]) -> Path:
    """A folder of squares: one of each dictionary, in a pack, painted red, green above blue and white."""
    folder.mkdir()
    picture = np.array([[[255, 0, 0], [0, 255, 0]], [[0, 0, 255], [255, 255, 255]]], dtype=np.uint8)
    texture = io.BytesIO()
    Image.fromarray(picture.repeat(4, axis=0).repeat(4, axis=1)).save(texture, "WEBP", lossless=True)
    index = []
    with zipfile.ZipFile(folder / "squares.zip", "w") as archive:
        for number, entry in enumerate(objects):
            defaults = {"key": f"square-{number}", "name": "square", "category": "toy", "tags": [], "pack": "tiny"}
            credit = {"creator": "Ada", "licence": "CC0-1.0", "file": "squares.zip", "front_known": False}
            index.append(defaults | credit | entry)
            vertices = (SQUARE * (1, 1 + number / 10, 1)).astype(np.float16)
            arrays = {"vertices": vertices, "faces": FACES.astype(np.uint16)}
            if entry.get("textured"):
                arrays |= {
                    "uv": UPPER_LEFT_FIRST.astype(np.float16),
                    "texture": np.frombuffer(texture.getvalue(), np.uint8),
                }
            else:
                arrays |= {"colors": np.tile(np.array([255, 128, 0], dtype=np.uint8), (4, 1))}
            content = io.BytesIO()
            np.savez_compressed(content, **arrays)
            archive.writestr(f"{index[-1]['key']}.npz", content.getvalue())
    (folder / "index.json").write_text(json.dumps(index))
    return folder


def test_textures_are_the_right_way_up_and_not_tiled(tmp_path: Path) -> None:
    (item,) = read_collection(write_collection(tmp_path / "objects", {"textured": True}))
    scene = Scene(item.load())
    view = scene.render(scene.place(0.0, 0.0, np.ones(3), 0.8), Camera.orbit(0.0, 0.0, 64), FRONTAL, 1)
    seen = view[..., 3] == 255
    rows, columns = np.nonzero(seen.any(axis=1))[0], np.nonzero(seen.any(axis=0))[0]
    upper, lower, left, right = rows[0], rows[-1], columns[0], columns[-1]
    corners = [view[row, column, :3].tolist() for row in (upper, lower) for column in (left, right)]
    assert corners == [[255, 0, 0], [0, 255, 0], [0, 0, 255], [255, 255, 255]]


def test_vertices_bring_their_colours(tmp_path: Path) -> None:
    (item,) = read_collection(write_collection(tmp_path / "objects", {}))
    scene = Scene(item.load())
    view = scene.render(scene.place(0.0, 0.0, np.ones(3), 0.8), Camera.orbit(0.0, 0.0, 32), FRONTAL, 1)
    assert view[16, 16].tolist() == [255, 128, 0, 255]


def test_rare_kinds_sought_kinds_and_scans_are_drawn_more_often(tmp_path: Path) -> None:
    plants: list[dict[str, object]] = [{"category": "plant"} for _ in range(4)]
    folder = write_collection(
        tmp_path / "objects",
        *plants,
        {"category": "tool"},
        {"category": "animal"},
        {"category": "statue", "pack": "ycb"},
    )
    plant, *_, tool, animal, scan = (item.weight for item in read_collection(folder))
    assert tool == pytest.approx(2 * plant)
    assert animal == scan == pytest.approx(2 * tool)


def test_fronts_are_shown_where_they_are_known(tmp_path: Path) -> None:
    unknown, known = read_collection(write_collection(tmp_path / "objects", {}, {"front_known": True}))
    assert unknown.front_share == 0
    assert known.front_share == pytest.approx(2 / 3)


def test_packs_of_uncertain_licence_are_left_out(tmp_path: Path) -> None:
    folder = write_collection(tmp_path / "objects", {"pack": "kaykit-kenney-mix"}, {})
    assert [item.key for item in read_collection(folder)] == ["square-1"]


def test_packs_are_watched_whole(tmp_path: Path) -> None:
    pack = sorted(VALIDATION_PACKS)[0]
    items = read_collection(write_collection(tmp_path / "objects", {"pack": pack}, {"pack": pack}, {}))
    splits = split_objects(item.fingerprint() for item in items)
    assert list(splits.values()) == ["validation", "validation", "excluded"]  # the third has the same shape


def test_a_folder_without_an_index_is_refused_by_name(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"nothing is not a folder of objects"):
        read_collection(tmp_path / "nothing")
