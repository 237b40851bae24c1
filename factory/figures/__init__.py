"""Training objects from nothing, with the proportions of real ones: animals, people, vehicles and food."""

from dataclasses import dataclass

import numpy as np

from factory.figures import animals, food, vehicles
from factory.items import Item
from factory.objects import TEXTURE_SIDE, Model, merge

LIBRARY = "Figures"
COUNT = 8
COUNTS = {"person": 24, "dog": 14, "puppy": 10, "cat": 14, "car": 20, "motorcycle": 12}
"""Of each kind, and of those that people bring most."""
CATEGORIES = {"Animals": animals.KINDS, "Vehicles": vehicles.KINDS, "Food": food.KINDS}


@dataclass(frozen=True)
class Figure(Item):
    """A figure of a kind, drawn by its number."""

    paired = False

    @property
    def weight(self) -> float:
        """A fifth of all draws together."""
        return 0.7

    def load(self, texture_side: int = TEXTURE_SIDE) -> Model:
        """Its parts, each painted."""
        rng = np.random.default_rng([*self.key.encode()])
        return merge([part.model(texture_side) for part in CATEGORIES[self.category][self.name](rng)])


def draw_figures() -> list[Figure]:
    """All kinds, several of each; always the same."""
    return [
        Figure(
            key=f"{LIBRARY}-{name.replace(' ', '-')}-{number:02d}",
            name=name,
            category=category,
            creator="DreamGaussian",
            licence="MIT",
            library=f"{LIBRARY}: {category.lower()}",
            tags=(),
        )
        for category, kinds in CATEGORIES.items()
        for name in kinds
        for number in range(COUNTS.get(name, COUNT))
    ]
