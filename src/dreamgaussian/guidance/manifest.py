"""What a published checkpoint holds: its ids, networks, files and every tensor's name and shape.

The lists come from public listings and reference code, each with its source, not from this package's own loader; the
tests hold our networks against them.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from math import prod
from typing import Any, cast

Shapes = Mapping[str, tuple[int, ...]]


@dataclass(frozen=True)
class Component:
    """One network of a checkpoint: a folder that holds a config and a file of tensors."""

    network: str
    """Name of the list of its tensors."""
    folders: tuple[str, ...]
    """Names under which the folder is published."""
    published_size: str = ""
    """Size of the published file in float16, with three digits: "1.72 GB"; empty where it is not known."""

    @property
    def shapes(self) -> Shapes:
        """Shape of every tensor."""
        return dict(_expand(_read(f"networks/{self.network}")["tensors"]))

    @property
    def config(self) -> dict[str, Any]:
        """The published config."""
        return _read(f"networks/{self.network}")["config"]


@dataclass(frozen=True)
class Manifest:
    """What there is to know of a prior's files without having them."""

    prior: str
    licence: str
    """Of the weights."""
    ids: tuple[str, ...]
    """Hub ids, in the order in which they are tried."""
    components: Mapping[str, Component]
    files: tuple[str, ...]
    """Small files that are needed besides the networks."""
    option: str = "--prior-path"
    """The flag that names another place."""


def weights_in_memory(facts: Manifest) -> tuple[int, int]:
    """Bytes of weights while words and pictures are encoded, and while the prior runs.

    Encoders run in float32, one after the other, and are let go; then come the other networks, all in two bytes.
    """
    counts = {name: sum(map(prod, part.shapes.values())) for name, part in facts.components.items()}
    encoders = [count for name, count in counts.items() if "encoder" in name]
    return 4 * max(encoders, default=0), 2 * (sum(counts.values()) - sum(encoders))


def manifest(prior: str) -> Manifest:
    """The manifest of the prior called `prior`."""
    facts = _read(prior)
    components = {
        name: Component(entry["network"], tuple(entry["folders"]), entry.get("published", {}).get("bytes", ""))
        for name, entry in facts["components"].items()
    }
    option = facts.get("option", Manifest.option)
    return Manifest(prior, facts["licence"], tuple(facts["ids"]), components, tuple(facts["files"]), option)


@cache
def _read(name: str) -> dict[str, Any]:
    return json.loads((files("dreamgaussian.guidance") / f"manifests/{name}.json").read_text(encoding="utf-8"))


def _expand(tree: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, tuple[int, ...]]]:
    """The tensors of a tree, in which a key "a,b" stands for two equal branches."""
    for keys, branch in tree.items():
        for key in keys.split(","):
            if isinstance(branch, dict):
                yield from _expand(cast(dict[str, Any], branch), f"{prefix}{key}.")
            else:
                yield prefix + key, tuple(branch)
