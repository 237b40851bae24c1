"""Low-rank changes to a checkpoint's weights (LoRA, arXiv 2106.09685): W + scale alpha / rank (up down).

Files come as kohya's sd-scripts write them (lora_unet_..._to_q.lora_down.weight, lora_up, alpha), with layers called as
in diffusers or as in Stable Diffusion's single file, or as diffusers and peft do (unet....to_q.lora_A.weight, lora_B;
also lora.down and lora.up). What the single file calls its layers is translated by diffusers. The rest is done here:
diffusers' own loader leaves out alphas that differ from layer to layer in attention, and what the network has no place
for (docs/design.md).
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from dreamgaussian.core.errors import ConfigError, WeightsUnavailable
from dreamgaussian.priors.checkpoint import Checkpoint
from dreamgaussian.priors.tensor_files import read_tensors

OPTION = "--lora"
_PART = re.compile(r"\.(?P<part>lora_(?:down|up|A|B)|lora\.(?:down|up)|alpha)(?:\.default)?(?:\.weight)?$")
_PARTS = {"lora_down": "down", "lora_A": "down", "lora.down": "down", "lora_up": "up", "lora_B": "up", "lora.up": "up"}
_COMPONENTS = {
    "lora_te1_": "text_encoder",
    "lora_te2_": "text_encoder_2",
    "lora_te_": "text_encoder",
    "lora_unet_": "unet",
    "text_encoder_2.": "text_encoder_2",
    "text_encoder.": "text_encoder",
    "unet.": "unet",
    "transformer.": "transformer",
}
Changes = dict[str, tuple[Tensor, Tensor]]
"""up, times scale alpha / rank, and down of each layer, by its name with underscores for dots: [out, rank] and
[rank, in], or so with pixels."""
_SINGLE_FILE_BLOCKS = ("input_blocks", "middle_block", "output_blocks", "time_embed_", "label_emb", "out_")
"""How names of a single file's layers begin."""


@dataclass(frozen=True, eq=False)
class Lora:
    """The changes that one file makes."""

    path: Path
    changes: Mapping[str, Changes]
    """By component."""

    def add_to(self, component: str, network: nn.Module) -> None:
        """Changes the network's weights. Raises WeightsUnavailable for a layer that it lacks, or of another shape."""
        body: Any = getattr(network, "unet", network)  # MVDream's has diffusers' inside.
        changes = self.changes.get(component, {})
        if any(name.startswith(_SINGLE_FILE_BLOCKS) for name in changes):
            changes = _renamed(changes, body.config)
        layers = {
            name.replace(".", "_").removeprefix("text_model_"): layer
            for name, layer in body.named_modules()
            if isinstance(layer, nn.Linear | nn.Conv2d)
        }
        if unknown := [name for name in changes if name not in layers]:
            raise _misfit(self.path, f"it changes {component}.{unknown[0]}, which the model lacks", len(unknown))
        for name, (up, down) in changes.items():
            weight: Tensor = layers[name].weight.data
            left, right, matrix = up.flatten(1), down.flatten(1), weight.flatten(1)
            if (left.shape[1], left.shape[0], right.shape[1]) != (right.shape[0], *matrix.shape):
                sizes = f"{list(up.shape)} times {list(down.shape)}, for a weight of {list(weight.shape)}"
                raise _misfit(self.path, f"{component}.{name} is {sizes}")
            weight += (left @ right.float()).view(weight.shape)


def with_loras(checkpoint: Checkpoint, loras: Sequence[str], option: str = OPTION) -> Checkpoint:
    """The checkpoint with the changes of each file, given with `option` as FILE or FILE:SCALE, one after the other.

    Raises ConfigError for what cannot be understood, WeightsUnavailable for a file that is no LoRA for its networks.
    """
    opened = [read_lora(*parse(lora, option), checkpoint.published.folders, option) for lora in loras]
    return replace(checkpoint, loras=tuple(opened))


def parse(lora: str, option: str = OPTION) -> tuple[Path, float]:
    """FILE or FILE:SCALE, as given with `option`. Raises ConfigError."""
    file, colon, scale = lora.rpartition(":")
    try:
        path, factor = (Path(file), float(scale)) if colon else (Path(lora), 1.0)
    except ValueError:
        path, factor = Path(lora), 1.0
    path = path.expanduser()
    if path.suffix != ".safetensors" or not path.is_file():
        raise ConfigError(f"{option} {lora}: there is no .safetensors file at {path}. Give FILE or FILE:SCALE.")
    return path, factor


def read_lora(path: Path, scale: float, components: Iterable[str], option: str = OPTION) -> Lora:
    """A file's changes. Raises WeightsUnavailable for one that changes something else than the components."""
    parts: dict[tuple[str, str], dict[str, Tensor]] = {}
    for key, tensor in read_tensors(path, option).items():
        component, layer, part = _split(key, path)
        parts.setdefault((component, layer), {})[part] = tensor
    changes: dict[str, Changes] = {}
    for (component, layer), found in parts.items():
        if component not in components:
            raise _misfit(path, f"it changes the {component}, which the model lacks")
        if missing := {"down", "up"} - found.keys():
            raise _misfit(path, f"{component}.{layer} has no {' and no '.join(sorted(missing))}")
        if min(found["up"].ndim, found["down"].ndim) < 2:
            raise _misfit(path, f"{component}.{layer} is no matrix")
        factor = scale * (float(found["alpha"]) / len(found["down"]) if "alpha" in found else 1.0)
        changes.setdefault(component, {})[layer] = factor * found["up"].float(), found["down"]
    return Lora(path, changes)


def _split(key: str, path: Path) -> tuple[str, str, str]:
    """Component, layer (with underscores) and part of a tensor's name."""
    match = _PART.search(key)
    name = key.removeprefix("base_model.model.")
    prefix = next((prefix for prefix in _COMPONENTS if name.startswith(prefix)), None)
    if match is None or prefix is None:
        raise _misfit(path, f"it holds {key}, which is no part of a LoRA for a diffusion model's UNet or text encoder")
    layer = name.removeprefix(prefix)[: -len(match.group())].replace(".", "_")
    return _COMPONENTS[prefix], layer.removeprefix("text_model_"), _PARTS.get(match["part"], match["part"])


def _renamed(changes: Changes, config: Any) -> Changes:
    """A single file's layers by diffusers' names: by its reader of kohya's files, shown names without numbers."""
    from diffusers.loaders.lora_pipeline import StableDiffusionLoraLoaderMixin
    from diffusers.utils.state_dict_utils import convert_unet_state_dict_to_peft

    renamed: Changes = {}
    for layer, change in changes.items():
        names = {f"lora_unet_{layer}.lora_{part}.weight": torch.empty(0) for part in ("down", "up")}
        shown = StableDiffusionLoraLoaderMixin.lora_state_dict(names, unet_config=config)[0]
        name = next(iter(convert_unet_state_dict_to_peft(shown))).removeprefix("unet.").removesuffix(".lora_A.weight")
        renamed[name.replace(".", "_")] = change
    return renamed


def _misfit(path: Path, why: str, count: int = 1) -> WeightsUnavailable:
    more = f" (and {count - 1} more)" if count > 1 else ""
    return WeightsUnavailable(f"The LoRA {path} does not fit: {why}{more}. Give one that was made for this model.")
