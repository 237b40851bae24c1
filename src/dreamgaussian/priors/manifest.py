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
RESIDENT = ("vae", "projection")
"""Components that stay on the device where the others are offloaded."""


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
    """The flag that names another place, for messages."""


def weights_in_memory(facts: Manifest, *, offload: bool = False) -> tuple[int, int]:
    """Bytes of weights on the device while words and images are encoded, and while the prior runs.

    Encoders run one after the other and are let go, CLIP's in float32; the other networks follow, all in two bytes.
    With `offload` only the largest layer counts of each network that isn't `RESIDENT`.
    """
    encoders, networks = [0], [0]
    for name, part in facts.components.items():
        sizes = list(map(prod, part.shapes.values()))
        count = max(sizes) if offload and name not in RESIDENT else sum(sizes)
        width = 4 if "encoder" in name and name != "t5_encoder" else 2
        (encoders if "encoder" in name else networks).append(width * count)
    return max(encoders), sum(networks)


def manifest(prior: str, option: str = Manifest.option) -> Manifest:
    """The manifest of the prior or helper called `prior`, for which `option` names another place."""
    facts = _read(prior)
    components = {
        name: Component(entry["network"], tuple(entry["folders"]), entry.get("published", {}).get("bytes", ""))
        for name, entry in facts["components"].items()
    }
    return Manifest(prior, facts["licence"], tuple(facts["ids"]), components, tuple(facts["files"]), option)


@cache
def _read(name: str) -> dict[str, Any]:
    return json.loads((files("dreamgaussian.priors") / f"manifests/{name}.json").read_text(encoding="utf-8"))


def _expand(tree: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, tuple[int, ...]]]:
    """The tensors of a tree, in which a key "a,b" stands for two equal branches."""
    for keys, branch in tree.items():
        for key in keys.split(","):
            if isinstance(branch, dict):
                yield from _expand(cast(dict[str, Any], branch), f"{prefix}{key}.")
            else:
                yield prefix + key, tuple(branch)
