"""A checkpoint's files made into networks: strictly, as data only, one tensor at a time."""

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from dreamgaussian.core.errors import WeightsUnavailable
from dreamgaussian.priors.hub import Located
from dreamgaussian.priors.tensor_files import read_json, read_shapes, read_tensors

_OLD_ATTENTION = {"query": "to_q", "key": "to_k", "value": "to_v", "proj_attn": "to_out.0"}
COUNTER = "position_ids"
"""A buffer in older files of CLIP that just counts."""


class Checkpoint(ABC):
    """The networks and settings of a checkpoint on this machine, whatever its layout."""

    name: str
    """The folder, file or hub id, for messages."""
    option: str = "--prior-path"
    """The flag that names another one, for messages."""

    @abstractmethod
    def config(self, component: str) -> dict[str, Any]:
        """The component's config, as diffusers or transformers write it. Raises WeightsUnavailable."""

    @abstractmethod
    def scheduler_config(self) -> dict[str, Any]:
        """What the noise schedule is built from."""

    @abstractmethod
    def tokenizer(self, name: str) -> Path:
        """Folder of the files of "tokenizer" or "tokenizer_2"."""

    @abstractmethod
    def shapes(self, component: str) -> dict[str, tuple[int, ...]]:
        """Shape of each of the component's tensors, by common names. Raises WeightsUnavailable."""

    @abstractmethod
    def tensors(self, component: str) -> Iterator[tuple[str, Tensor]]:
        """The component's tensors, by common names. Raises WeightsUnavailable."""

    def load(self, component: str, network: nn.Module, *, dtype: torch.dtype, device: torch.device) -> nn.Module:
        """The network, built on the meta device, with the component's tensors, frozen and with channels last.

        Raises WeightsUnavailable where these do not fit.
        """
        own = {common_name(component, name): name for name in network.state_dict()}
        expected = {common_name(component, name): tuple(t.shape) for name, t in network.state_dict().items()}
        if differences := shape_differences(expected, self.shapes(component)):
            raise WeightsUnavailable(
                f"The {component} of {self.name} does not fit: {differences}. Give the right checkpoint with "
                f"{self.option}."
            )
        state = {own[name]: _placed(tensor, dtype, device) for name, tensor in self.tensors(component)}
        network.load_state_dict(state, assign=True)
        _count_positions(network, device)
        return network.eval().requires_grad_(False)


@dataclass(frozen=True)
class DiffusersFolder(Checkpoint):
    """A folder for each network, with a config and a file of tensors: the layout of diffusers."""

    name: str
    weights: Mapping[str, tuple[Path, ...]]
    """One file or several by component."""
    configs: Mapping[str, Path]
    files: Mapping[str, Path]
    option: str = Checkpoint.option

    @classmethod
    def fetched(cls, located: Located) -> "DiffusersFolder":
        """Downloads what is not on this machine. Raises WeightsUnavailable."""
        paths = located.paths()
        return cls(
            located.source.name,
            {name: tuple(paths[file] for file in parts) for name, parts in located.weights.items()},
            {name: paths[file] for name, file in located.configs.items()},
            {file: paths[file] for file in located.files},
            located.option,
        )

    def config(self, component: str) -> dict[str, Any]:
        """The component's config.json."""
        if component not in self.configs:
            raise WeightsUnavailable(
                f"{self.name} has no config.json for its {component}. Give another checkpoint with {self.option}."
            )
        return read_json(self.configs[component], self.option)

    def scheduler_config(self) -> dict[str, Any]:
        """scheduler_config.json."""
        return read_json(self.files["scheduler/scheduler_config.json"], self.option)

    def tokenizer(self, name: str) -> Path:
        """The folder of that name."""
        return next(path.parent for file, path in self.files.items() if file.startswith(f"{name}/"))

    def shapes(self, component: str) -> dict[str, tuple[int, ...]]:
        """Of a safetensors file only the head is read."""
        parts = [read_shapes(path, self.option) for path in self.weights[component]]
        found = {name: shape for part in parts for name, shape in part.items()}
        return {common_name(component, name): shape for name, shape in found.items() if not name.endswith(COUNTER)}

    def tensors(self, component: str) -> Iterator[tuple[str, Tensor]]:
        """One by one."""
        for name, tensor in chain.from_iterable(read_tensors(path, self.option) for path in self.weights[component]):
            if not name.endswith(COUNTER):
                yield common_name(component, name), tensor


class Derived(Checkpoint):
    """A checkpoint that is the base's but for what a subclass changes."""

    def __init__(self, base: Checkpoint) -> None:
        self.base, self.name, self.option = base, base.name, base.option

    def config(self, component: str) -> dict[str, Any]:
        """The base's."""
        return self.base.config(component)

    def scheduler_config(self) -> dict[str, Any]:
        """The base's."""
        return self.base.scheduler_config()

    def tokenizer(self, name: str) -> Path:
        """The base's."""
        return self.base.tokenizer(name)

    def shapes(self, component: str) -> dict[str, tuple[int, ...]]:
        """The base's."""
        return self.base.shapes(component)

    def tensors(self, component: str) -> Iterator[tuple[str, Tensor]]:
        """The base's."""
        return self.base.tensors(component)


def common_name(component: str, name: str) -> str:
    """One name for a tensor that is called differently in files of different years, and in today's networks.

    Attention says query, key, value and proj_attn in autoencoders of 2022 (`_convert_deprecated_attention_blocks` of
    diffusers); transformers 5 dropped the prefixes of CLIP's modules, not of its files; T5's encoder shares its
    table of words with a decoder; Zero123's projection is proj or projection.
    """
    match component:
        case "vae":
            parts = name.split(".")
            if "attentions" in parts and parts[-2] in _OLD_ATTENTION:
                parts[-2] = _OLD_ATTENTION[parts[-2]]
            return ".".join(parts)
        case "text_encoder" | "text_encoder_2":
            return name.removeprefix("text_model.")
        case "t5_encoder":
            return "embed_tokens.weight" if name == "shared.weight" else name.removeprefix("encoder.")
        case "image_encoder":
            return name.removeprefix("vision_model.")
        case "projection":
            return name.rsplit(".", 1)[-1]
        case _:
            return name


def shape_differences(expected: Mapping[str, tuple[int, ...]], found: Mapping[str, tuple[int, ...]]) -> str:
    """The first difference in words, and how many there are; empty where there is none."""
    differences = [f"it lacks {name}" for name in expected if name not in found]
    differences += [f"it has {name}, which is not known" for name in found if name not in expected]
    differences += [
        f"{name} is {list(found[name])} and should be {list(shape)}"
        for name, shape in expected.items()
        if name in found and found[name] != shape
    ]
    more = f" (and {len(differences) - 1} more)" if len(differences) > 1 else ""
    return differences[0] + more if differences else ""


def _placed(tensor: Tensor, dtype: torch.dtype, device: torch.device) -> Tensor:
    layout = torch.channels_last if tensor.ndim == 4 else torch.contiguous_format
    return tensor.to(device, dtype, memory_format=layout)


def _count_positions(network: nn.Module, device: torch.device) -> None:
    """CLIP's position_ids are no weights: they count, and are still on the meta device."""
    for module in network.modules():
        for name, buffer in module.named_buffers(recurse=False):
            if buffer.is_meta:
                assert name == COUNTER, name
                module.register_buffer(name, torch.arange(buffer.shape[-1], device=device)[None], persistent=False)
