"""Low-rank changes to a checkpoint's weights (LoRA, arXiv 2106.09685): W + scale alpha / rank (up down).

Files come in two layouts: that of kohya's sd-scripts (lora_unet_..._to_q.lora_down.weight, lora_up, alpha), and that of
diffusers and peft (unet....to_q.lora_A.weight, lora_B; also lora.down and lora.up). Dots and underscores apart, both
name the changed layer; kohya's may also name the UNet's layers as Stable Diffusion's single file does.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from dreamgaussian.core.errors import ConfigError, WeightsUnavailable
from dreamgaussian.priors.checkpoint import Checkpoint, Derived
from dreamgaussian.priors.single_file import old_name
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


@dataclass(frozen=True, eq=False)
class Change:
    """What is added to one weight."""

    down: Tensor
    """[rank, ...]"""
    up: Tensor
    """[out, rank], or so with pixels of 1x1."""
    factor: float

    @property
    def delta(self) -> Tensor:
        """The product, as a matrix, in float32."""
        return self.factor * (self.up.flatten(1).float() @ self.down.flatten(1).float())

    def fits(self, shape: Sequence[int]) -> bool:
        """Whether a weight of this shape can be changed so."""
        rows, columns = shape[0], torch.Size(shape[1:]).numel()
        rank = len(self.down)
        return (*self.up.flatten(1).shape, *self.down.flatten(1).shape) == (rows, rank, rank, columns)


class WithLora(Derived):
    """A checkpoint whose weights are changed as they are read."""

    def __init__(self, base: Checkpoint, changes: Mapping[str, Mapping[str, Change]]) -> None:
        """`changes` by component and by the tensor's common name."""
        super().__init__(base)
        self.changes = changes

    def tensors(self, component: str) -> Iterator[tuple[str, Tensor]]:
        """The base's, changed; a changed one comes in float32."""
        changes = self.changes.get(component, {})
        for name, tensor in self.base.tensors(component):
            change = changes.get(name)
            yield name, tensor if change is None else tensor.float() + change.delta.view(tensor.shape)


def with_loras(checkpoint: Checkpoint, loras: Sequence[str], option: str = OPTION) -> Checkpoint:
    """The checkpoint with the changes of each file, given with `option` as FILE or FILE:SCALE, one after the other.

    Raises ConfigError for what cannot be understood, and WeightsUnavailable for a file that does not fit.
    """
    for lora in loras:
        path, scale = parse(lora, option)
        checkpoint = WithLora(checkpoint, read_changes(path, scale, checkpoint, option))
    return checkpoint


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


def read_changes(
    path: Path, scale: float, checkpoint: Checkpoint, option: str = OPTION
) -> dict[str, dict[str, Change]]:
    """The file's changes to the checkpoint. Raises WeightsUnavailable where it does not fit."""
    parts: dict[tuple[str, str], dict[str, Tensor]] = {}
    for key, tensor in read_tensors(path, option):
        component, layer, part = _split(key, path)
        parts.setdefault((component, layer), {})[part] = tensor
    known = {component: _layers(checkpoint, component, path) for component in {each for each, _ in parts}}
    if unknown := [f"{component}.{layer}" for component, layer in parts if layer not in known[component]]:
        raise _misfit(path, f"it changes {unknown[0]}, which {checkpoint.name} lacks", len(unknown))
    changes: dict[str, dict[str, Change]] = {component: {} for component in known}
    for (component, layer), found in parts.items():
        name, shape = known[component][layer]
        if missing := {"down", "up"} - found.keys():
            raise _misfit(path, f"{component}.{layer} has no {' and no '.join(sorted(missing))}")
        rank = len(found["down"])
        factor = scale * (float(found["alpha"]) / rank if "alpha" in found else 1.0)
        change = Change(found["down"], found["up"], factor)
        if not change.fits(shape):
            sizes = f"{list(change.up.shape)} times {list(change.down.shape)}"
            raise _misfit(path, f"{component}.{layer} is {sizes}, for a weight of {list(shape)}")
        changes[component][name] = change
    return changes


def _split(key: str, path: Path) -> tuple[str, str, str]:
    """Component, layer (with underscores) and part of a tensor's name."""
    match = _PART.search(key)
    name = key.removeprefix("base_model.model.")
    prefix = next((each for each in _COMPONENTS if name.startswith(each)), None)
    if match is None or prefix is None:
        raise _misfit(path, f"it holds {key}, which is no part of a LoRA for a diffusion model's UNet or text encoder")
    layer = name.removeprefix(prefix)[: -len(match.group())].replace(".", "_")
    return _COMPONENTS[prefix], layer.removeprefix("text_model_"), _PARTS.get(match["part"], match["part"])


def _layers(checkpoint: Checkpoint, component: str, path: Path) -> dict[str, tuple[str, tuple[int, ...]]]:
    """Name and shape of each weight of the checkpoint, by the names that files have for its layer."""
    try:
        shapes = checkpoint.shapes(component)
    except KeyError:
        raise _misfit(path, f"it changes the {component}, which {checkpoint.name} lacks") from None
    layers: dict[str, tuple[str, tuple[int, ...]]] = {}
    for name, shape in shapes.items():
        spellings = [name]
        if component == "unet":
            spellings.append(old_name("unet-sd1", name)[0].removeprefix("model.diffusion_model."))
        layers |= {each.removesuffix(".weight").replace(".", "_"): (name, shape) for each in spellings}
    return layers


def _misfit(path: Path, why: str, count: int = 1) -> WeightsUnavailable:
    more = f" (and {count - 1} more)" if count > 1 else ""
    return WeightsUnavailable(f"The LoRA {path} does not fit: {why}{more}. Give one that was made for this model.")
