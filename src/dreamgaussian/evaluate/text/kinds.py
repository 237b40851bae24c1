"""Features of true objects of the prompts' kinds, by which assets are classified.

`data/kinds.npz` holds, for each kind, the mean feature of all views of the objects kept apart, and the mean similarity
of their opposite views. `python -m factory.kinds` makes it.
"""

from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

from dreamgaussian.core.camera import Camera
from dreamgaussian.core.errors import InputError

VIEWS = 8
SIDE = 128
"""Side of the views that are judged, in pixels."""
ELEVATION_DEG = 15.0


@dataclass(frozen=True, eq=False)
class Kinds:
    """The kinds among which assets are classified."""

    names: tuple[str, ...]
    centroids: Float[Tensor, "k 1280"]
    """Mean features, of unit length."""
    opposite: Float[Tensor, " k"]
    """Mean similarity of true objects' views 180 degrees apart."""
    true_top: tuple[float, float]
    """Accuracy of the classifier on the true objects, top-1 and top-5; their own views are left out of the centroid."""

    def ranking(self, features: Float[Tensor, "n 1280"]) -> list[str]:
        """All kinds, the nearest first, for the features of an asset's views."""
        return [self.names[index] for index in nearest(features, self.centroids)]


def judge_cameras() -> list[Camera]:
    """Cameras all round, a little from above; the first sees the front."""
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


def nearest(features: Float[Tensor, "n 1280"], centroids: Float[Tensor, "k 1280"]) -> list[int]:
    """Indices of all centroids by their cosine similarity to the mean feature, the nearest first."""
    return (centroids @ F.normalize(features.mean(dim=0), dim=0)).argsort(descending=True).tolist()
