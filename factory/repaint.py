"""Training objects from others by giving them new textures."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from factory.catalogue import Furniture
from factory.collection import Collected
from factory.items import Item
from factory.objects import TEXTURE_SIDE, Material, Model
from factory.shapes import PATTERNS, paint, patterned

LIBRARY = "Repainted"
COUNT = 240
TEXTURES = 3


@dataclass(frozen=True)
class Repainted(Item):
    """A thing in patterns that it never had, as if it were papered over."""

    item: Item
    pattern: str
    number: int

    @property
    def weight(self) -> float:
        """Seldom: real things have textures that suit them."""
        return 0.3

    def load(self, texture_side: int = TEXTURE_SIDE) -> Model | None:
        """The thing's surface under textures that lie along its axes, one for all faces of a material or colour."""
        model = self.item.load(texture_side)
        if model is None:
            return None
        rng = np.random.default_rng(self.number)
        corners = model.vertices[model.faces]
        normals = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
        across = np.array([[2, 1], [0, 2], [0, 1]])[np.abs(normals).argmax(axis=1)]
        length = np.ptp(corners, axis=(0, 1)).max()
        parts = model.face_materials
        if model.vertex_colors is not None:
            _, parts = np.unique(model.vertex_colors[model.faces[:, 0]], axis=0, return_inverse=True)
        uvs = np.take_along_axis(corners, across[:, None].repeat(3, axis=1), axis=2) / length
        white = np.ones(3, dtype=np.float32)
        return Model(
            vertices=corners.reshape(-1, 3),
            faces=np.arange(corners.size // 3).reshape(-1, 3),
            uvs=uvs.reshape(-1, 2),
            face_materials=parts.reshape(-1) % TEXTURES,
            materials=tuple(Material(white, paint(self.pattern, texture_side, rng)) for _ in range(TEXTURES)),
            texture_hashes=(),
        )


def draw_repainted(items: Sequence[Item], seed: int) -> list[Repainted]:
    """Some of the real models, each in a pattern; the same for the same things."""
    models = [item for item in items if isinstance(item, Furniture | Collected)]
    rng = np.random.default_rng(seed)
    chosen = rng.choice(len(models), size=min(COUNT, len(models)), replace=False)
    return [
        Repainted(
            key=f"{LIBRARY}-{item.key}",
            name=patterned(pattern, item.name),
            category=item.category,
            creator=item.creator,
            licence=item.licence,
            library=LIBRARY,
            tags=(*item.tags, pattern),
            item=item,
            pattern=pattern,
            number=number,
        )
        for number, index in enumerate(chosen)
        for item, pattern in [(models[index], str(rng.choice(PATTERNS)))]
    ]
