"""Training objects from two others, side by side."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from factory.items import Item
from factory.objects import TEXTURE_SIDE, Model, merge

LIBRARY = "Pairs"
COUNT = 80


@dataclass(frozen=True)
class Pair(Item):
    """Two things on one floor, each turned as it likes."""

    first: Item
    second: Item
    number: int

    @property
    def weight(self) -> float:
        """Seldom: most pictures show one thing."""
        return 0.5

    def load(self, texture_side: int = TEXTURE_SIDE) -> Model | None:
        """The things in boxes that touch."""
        first, second = self.first.load(texture_side), self.second.load(texture_side)
        if first is None or second is None:
            return None
        rng = np.random.default_rng(self.number)
        left, right = (_stand(model, rng.uniform(0.6, 1.0), rng.uniform(0, 2 * np.pi)) for model in (first, second))
        step = np.array([left.vertices[:, 0].max() - right.vertices[:, 0].min(), 0, rng.normal(scale=0.15)])
        return merge([left, replace(right, vertices=right.vertices + step)])


def draw_pairs(items: Sequence[Item], seed: int) -> list[Pair]:
    """Pairs of different things, the same for the same things."""
    if len(items) < 2:
        return []
    rng = np.random.default_rng(seed)
    pairs: list[Pair] = []
    for number in range(COUNT):
        first, second = (items[i] for i in rng.choice(len(items), size=2, replace=False))
        licences = sorted({first.licence, second.licence})
        pairs.append(
            Pair(
                key=f"{LIBRARY}-{first.key}-{second.key}",
                name=f"{first.name} and {second.name}",
                category=LIBRARY,
                creator=f"{first.creator} and {second.creator}",
                licence=" and ".join(licences),
                library=LIBRARY,
                tags=(*first.tags, *second.tags),
                first=first,
                second=second,
                number=number,
            )
        )
    return pairs


def _stand(model: Model, size: float, angle: float) -> Model:
    """The model `size` long at most, turned about the vertical axis, in the middle of the floor."""
    used = np.unique(model.faces)
    sin, cos = np.sin(angle), np.cos(angle)
    vertices = model.vertices @ np.array([[cos, 0, -sin], [0, 1, 0], [sin, 0, cos]])
    low, high = vertices[used].min(axis=0), vertices[used].max(axis=0)
    floor = np.array([(low[0] + high[0]) / 2, low[1], (low[2] + high[2]) / 2])
    return replace(model, vertices=(vertices - floor) * size / max(float((high - low).max()), 1e-12))
