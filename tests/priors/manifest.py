"""What published checkpoints hold: every tensor's name and shape, every network's config.

The lists come from public listings and reference code, each with its source, not from this package's own loader; the
tests hold the libraries' networks, and ours, against them.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Any

MANIFESTS = Path(__file__).parent / "manifests"


@dataclass(frozen=True)
class Component:
    """One network of a checkpoint."""

    network: str
    """Name of the list of its tensors."""
    published_size: str = ""
    """Size of the published file in float16, with three digits: "1.72 GB"; empty where it is not known."""

    @property
    def shapes(self) -> dict[str, tuple[int, ...]]:
        """Shape of every tensor."""
        return dict(_expand(_read(f"networks/{self.network}")["tensors"]))

    @property
    def config(self) -> dict[str, Any]:
        """The published config; the package holds those that a single file needs."""
        facts = _read(f"networks/{self.network}")
        if "config" in facts:
            return facts["config"]
        config = files("dreamgaussian.priors") / f"configs/{self.network}.json"
        return json.loads(config.read_text(encoding="utf-8"))


def components(prior: str) -> dict[str, Component]:
    """The networks of the prior or helper called `prior`."""
    return {
        name: Component(entry["network"], entry.get("published", {}).get("bytes", ""))
        for name, entry in _read(prior).items()
    }


def shapes(prior: str) -> dict[str, dict[str, tuple[int, ...]]]:
    """Shape of every tensor of the prior's networks, by component."""
    return {name: component.shapes for name, component in components(prior).items()}


def _read(name: str) -> dict[str, Any]:
    return json.loads((MANIFESTS / f"{name}.json").read_text(encoding="utf-8"))


def _expand(tree: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, tuple[int, ...]]]:
    """The tensors of a tree, in which a key "a,b" stands for two equal branches."""
    for keys, branch in tree.items():
        for key in keys.split(","):
            if isinstance(branch, dict):
                yield from _expand(branch, f"{prefix}{key}.")
            else:
                yield prefix + key, tuple(branch)
