"""What the data factory renders: credited things that can be loaded as models."""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import ClassVar

from factory.holdout import Fingerprint
from factory.objects import TEXTURE_SIDE, Model


@dataclass(frozen=True)
class Item(ABC):
    """A thing to render, with whom it is owed to."""

    key: str
    """Unique, and fit to be a file's name."""
    name: str
    category: str
    creator: str
    licence: str
    library: str
    tags: tuple[str, ...]
    """Further words for it."""

    low_poly: ClassVar[bool] = False
    """Whether its faces are so few that half of its groups are shaded as if they were round."""
    paired: ClassVar[bool] = True
    """Whether pairs may be made of it."""

    @property
    def front_share(self) -> float:
        """Share of the input views that show its front; the others show any side."""
        return 0.0

    @property
    @abstractmethod
    def weight(self) -> float:
        """How often to draw it, relative to others."""

    @abstractmethod
    def load(self, texture_side: int = TEXTURE_SIDE) -> Model | None:
        """The model; None where there is nothing to see, or far too much."""

    def fingerprint(self) -> Fingerprint | None:
        """What tells its near-duplicates; None where there is no model."""
        model = self.load()
        return None if model is None else Fingerprint(self.key, self.name, model.geometry_hash, model.texture_hashes)
