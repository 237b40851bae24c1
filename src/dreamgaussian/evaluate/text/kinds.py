"""What true objects of the prompts' kinds look like to the feature network.

`python -m dreamgaussian.evaluate.text.kinds` makes `data/kinds.npz`, which holds, for each kind, the mean feature of
all views of the objects kept apart, and how alike their opposite views are. It needs the training objects' packages;
whoever only evaluates never runs this.
"""

import sys
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

from dreamgaussian.camera import Camera
from dreamgaussian.errors import InputError
from dreamgaussian.evaluate.networks import LiteFeatures
from dreamgaussian.evaluate.text.prompts import APART, apart_keys
from dreamgaussian.fidelity import on_white
from dreamgaussian.files import atomic_path

VIEWS = 8
SIDE = 128
"""Pixels of the views that are judged."""
ELEVATION_DEG = 15.0
TEXTURE_SIDE = 512
SUPERSAMPLING = 2


@dataclass(frozen=True, eq=False)
class Kinds:
    """The kinds that assets are told by."""

    names: tuple[str, ...]
    centroids: Float[Tensor, "k 1280"]
    """Of unit length."""
    opposite: Float[Tensor, " k"]
    """Mean similarity of true objects' views 180 degrees apart."""
    true_top: tuple[float, float]
    """Share of the true objects whose kind is nearest, and among the nearest five, when their own views are left out of
    its centroid: what the classifier itself can do."""

    def ranking(self, features: Float[Tensor, "n 1280"]) -> list[str]:
        """All kinds, the nearest first, for an asset's views."""
        return [self.names[index] for index in _nearest(features, self.centroids)]


def judge_cameras() -> list[Camera]:
    """From all round, a little from above; the first sees the front."""
    return [Camera.orbit(360 / VIEWS * index, ELEVATION_DEG, SIDE) for index in range(VIEWS)]


def opposite_similarity(features: Float[Tensor, "n 1280"]) -> float:
    """Mean cosine similarity of views 180 degrees apart."""
    half = len(features) // 2
    return float((features[:half] * features[half:]).sum(dim=1).mean())


def shipped_kinds() -> Path:
    """The file that comes with the package."""
    return Path(str(files("dreamgaussian") / "evaluate" / "data" / "kinds.npz"))


def read_kinds(path: Path | None = None) -> Kinds:
    """Raises InputError where the file cannot be read."""
    path = path or shipped_kinds()
    try:
        with np.load(path, allow_pickle=False) as values:
            names, centroids, opposite, top = (values[name] for name in ("names", "centroids", "opposite", "true_top"))
    except (OSError, ValueError, KeyError) as error:
        raise InputError(
            f"The benchmark's kinds {path} cannot be read ({error}). Install the package again."
        ) from error
    vectors = F.normalize(torch.from_numpy(centroids.astype(np.float32)), dim=1)
    return Kinds(tuple(map(str, names)), vectors, torch.from_numpy(opposite), (float(top[0]), float(top[1])))


def write_kinds(path: Path, features: dict[str, list[Float[Tensor, "n 1280"]]]) -> None:
    """From the features of each kind's objects."""
    centroids = torch.stack([_centroid(objects) for objects in features.values()])
    opposite = [float(np.mean([opposite_similarity(one) for one in objects])) for objects in features.values()]
    with atomic_path(path) as temporary:
        np.savez_compressed(
            temporary,
            names=np.array(list(features)),
            centroids=centroids.numpy().astype(np.float16),
            opposite=np.array(opposite, dtype=np.float32),
            true_top=np.array(_true_top(features, centroids), dtype=np.float32),
        )


def object_features(network: LiteFeatures) -> Iterator[tuple[str, Float[Tensor, "n 1280"]]]:
    """(kind, features) of every object kept apart."""
    from dreamgaussian.train.data import read_items
    from dreamgaussian.train.render import STUDIO_LIGHT, Scene
    from dreamgaussian.train.settings import DataSettings

    items = {item.key: item for item in read_items(DataSettings())}
    for kind in APART:
        for key in apart_keys(kind):
            model = items[key].load(TEXTURE_SIDE)
            assert model is not None, key
            scene = Scene(model)
            placement = scene.place_three_quarter(ELEVATION_DEG)
            views = [scene.render(placement, camera, STUDIO_LIGHT, SUPERSAMPLING) for camera in judge_cameras()]
            yield kind, network.features(on_white(torch.from_numpy(np.stack(views).astype(np.float32) / 255)))


def _centroid(objects: list[Float[Tensor, "n 1280"]]) -> Float[Tensor, "1280"]:
    return F.normalize(torch.cat(objects).mean(dim=0), dim=0)


def _nearest(features: Float[Tensor, "n 1280"], centroids: Float[Tensor, "k 1280"]) -> list[int]:
    return (centroids @ F.normalize(features.mean(dim=0), dim=0)).argsort(descending=True).tolist()


def _true_top(
    features: dict[str, list[Float[Tensor, "n 1280"]]], centroids: Float[Tensor, "k 1280"]
) -> tuple[float, float]:
    ranks: list[int] = []
    for index, objects in enumerate(features.values()):
        for own in objects if len(objects) > 1 else ():
            others = centroids.clone()
            others[index] = _centroid([one for one in objects if one is not own])
            ranks.append(_nearest(own, others).index(index))
    return float(np.mean([rank < 1 for rank in ranks])), float(np.mean([rank < 5 for rank in ranks]))


def main(path: Path) -> None:
    """Render, look and write."""
    features: dict[str, list[Tensor]] = {}
    for kind, seen in object_features(LiteFeatures()):
        features.setdefault(kind, []).append(seen)
        print(kind, flush=True)
    write_kinds(path, features)


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else shipped_kinds())
