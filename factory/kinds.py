"""`python -m factory.kinds [FILE]` makes `evaluate/data/kinds.npz`: what objects of the prompts' kinds look like."""

import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

from dreamgaussian.core.files import atomic_path
from dreamgaussian.core.image import on_white, to_float
from dreamgaussian.evaluate.networks import LiteFeatures
from dreamgaussian.evaluate.text.kinds import ELEVATION_DEG, judge_cameras, nearest, opposite_similarity, shipped_kinds
from factory.data import read_items
from factory.render import STUDIO_LIGHT, Scene
from factory.settings import DataSettings

TEXTURE_SIDE = 512
SUPERSAMPLING = 2
LIBRARIES = {"B": "BlendSwap-CC-BY", "C": "BlendSwap-CC-0", "K": "KatorLegaz", "S": "Scopia"}
APART = {
    "armchair": "C001 C086 C099",
    "bathtub": "B003 S110",
    "bed": "C002 C088 B031",
    "bench": "K016 K050 S009",
    "bicycle": "B088",
    "bookcase": "B121 C006 S045",
    "bottle": "S106 C064 S022",
    "bowl": "K025 S356",
    "box": "C105 S046 S028",
    "cabinet": "C172 C174 B039",
    "car": "K059 K060 S168",
    "chair": "C093 C114 B116",
    "column": "K019 K021",
    "cup": "S112 B021 K027",
    "deck chair": "B016 S099",
    "desk": "C152 B007 B054",
    "flowers": "B125 B109 S100",
    "glass": "K031 C089",
    "motor scooter": "S248",
    "palm tree": "S363 S379 S388",
    "pendant lamp": "B029 S058",
    "pine tree": "S383 S354",
    "potted plant": "C102 C126 C077",
    "radiator": "C036 C034 B114",
    "railing": "S235 K063",
    "refrigerator": "C151",
    "rock": "C163 C164",
    "shoes": "C141 S203 C085",
    "sofa": "B119 S086 S125",
    "stool": "C045 C042 K049",
    "street lamp": "S008 S272 K041",
    "table": "S097 S301 S088",
    "table lamp": "S055 S057 S065",
    "television": "S040 S210",
    "toilet": "C057 B132",
    "trash can": "C115 K026 K065",
    "truck": "B122 C158",
    "vase": "S041 S042",
    "washbasin": "C062 S121 S001",
    "washing machine": "B065 S132",
}
"""By kind, as first letters of the libraries and numbers. All armchairs, and some of the bookcases, cups and bottles,
are held out from the prior's training too: they are near-duplicates of benchmark objects, or for validation."""


def apart_keys(kind: str) -> tuple[str, ...]:
    """Keys of the objects that stand for a kind."""
    return tuple(f"{LIBRARIES[short[0]]}-{short[1:]}" for short in APART[kind].split())


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
    items = {item.key: item for item in read_items(DataSettings())}
    for kind in APART:
        for key in apart_keys(kind):
            model = items[key].load(TEXTURE_SIDE)
            assert model is not None, key
            scene = Scene(model)
            placement = scene.place_three_quarter(ELEVATION_DEG)
            views = [scene.render(placement, camera, STUDIO_LIGHT, SUPERSAMPLING) for camera in judge_cameras()]
            yield kind, network.features(on_white(torch.from_numpy(to_float(np.stack(views)))))


def _centroid(objects: list[Float[Tensor, "n 1280"]]) -> Float[Tensor, "1280"]:
    return F.normalize(torch.cat(objects).mean(dim=0), dim=0)


def _true_top(
    features: dict[str, list[Float[Tensor, "n 1280"]]], centroids: Float[Tensor, "k 1280"]
) -> tuple[float, float]:
    ranks: list[int] = []
    for index, objects in enumerate(features.values()):
        for own in objects if len(objects) > 1 else ():
            others = centroids.clone()
            others[index] = _centroid([one for one in objects if one is not own])
            ranks.append(nearest(own, others).index(index))
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
