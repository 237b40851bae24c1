"""Which objects may be trained on: never the benchmark's, nor a near-duplicate of one under whatever name."""

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

Split = Literal["train", "validation", "benchmark", "excluded"]

BENCHMARK_NAMES = (
    *("Teddy bear", "Mailbox", "Barrel", "Basketball", "Extinguisher", "Hot dog", "Hamburger", "Cup cake"),
    *("Bulldog", "Siamese cat", "Dog", "Rabbit", "Doll", "Teapot", "Creamer", "Sneakers", "Helmet", "Drill"),
    *("Toaster", "Roasted chicken", "Birthday cake", "Reflex camera", "Watch", "Skateboard", "Joystick"),
    *("Old jar", "Toy train", "Horse", "Chicken", "Bread", "Milk", "Wine bottle", "Yamaha YZR R6", "Armchair"),
    *("Bowl with fruits", "Wheelchair", "Japanese lantern", "Coffee machine", "Christmas tree", "Umbrella"),
)
"""The 40 objects that every evaluation rests on."""
VALIDATION_SHARE = 1 / 36
"""Of the other objects that come in no pack; watched during training, never trained on."""
VALIDATION_PACKS = frozenset(
    (
        *("quaternius-posed-characters", "quaternius-animals", "quaternius-dinosaurs", "quaternius-mech"),
        *("quaternius-monster-pack-animated", "quaternius-junk-food-pack", "quaternius-civilization-buildings"),
        *("kenney-car", "zooshi", "daydream-props", "unity-perception", "aws-house"),
    )
)
"""Packs of the collection that are watched whole, for objects of one pack look alike: 127 people, animals, robots,
monsters, dishes, cars, buildings and clothes, and the last two's groceries, tools and furniture like photographs."""


@dataclass(frozen=True)
class Fingerprint:
    """What tells near-duplicates."""

    key: str
    name: str
    geometry: str
    textures: tuple[str, ...]
    pack: str = ""
    """What it came with, in a folder of packs."""

    @property
    def traits(self) -> frozenset[str]:
        """Hashes that no training object may share with a held-out one."""
        return frozenset((self.geometry, *self.textures))


def split_objects(fingerprints: Iterable[Fingerprint]) -> dict[str, Split]:
    """The split of each key: the first object of a benchmark name (the first textured one where there is one) is in the
    benchmark; others of that name and near-duplicates are excluded, as are near-duplicates of validation objects.
    """
    objects = list(fingerprints)
    splits: dict[str, Split] = {}
    for name in BENCHMARK_NAMES:
        namesakes = [one for one in objects if one.name == name]
        chosen = next((one for one in namesakes if one.textures), next(iter(namesakes), None))
        splits |= {one.key: "benchmark" if one is chosen else "excluded" for one in namesakes}
    forbidden = _traits(objects, splits)
    splits |= {one.key: "excluded" for one in objects if one.key not in splits and one.traits & forbidden}
    splits |= {one.key: "validation" for one in objects if one.key not in splits and _is_validation(one)}
    forbidden = _traits(objects, splits, "validation")
    splits |= {one.key: "excluded" for one in objects if one.key not in splits and one.traits & forbidden}
    return {one.key: splits.get(one.key, "train") for one in objects}


def _traits(objects: list[Fingerprint], splits: dict[str, Split], split: Split | None = None) -> frozenset[str]:
    """All hashes of the objects of one split, or of every object that has one."""
    held = [one for one in objects if one.key in splits and split in (None, splits[one.key])]
    return frozenset().union(*(one.traits for one in held))


def _is_validation(one: Fingerprint) -> bool:
    if one.pack:
        return one.pack in VALIDATION_PACKS
    draw = int(hashlib.sha256(one.key.encode()).hexdigest()[:8], 16) / 16**8
    return draw < VALIDATION_SHARE
