"""Stable Diffusion in one file, as the tools of 2022 wrote it and communities still share it; MVDream's original too.

All networks lie side by side under prefixes, by the names of github.com/CompVis/stable-diffusion and, for the words of
the second version and of SDXL, of github.com/mlfoundations/open_clip. Each name of the diffusers layout is looked up
under its name there.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Literal

from torch import Tensor

from dreamgaussian.core.errors import WeightsUnavailable
from dreamgaussian.priors.checkpoint import Checkpoint, common_name
from dreamgaussian.priors.hub import tokenizer_files
from dreamgaussian.priors.manifest import Manifest
from dreamgaussian.priors.tensor_files import read_shapes, read_tensors

_SCHEDULE = {"beta_start": 0.00085, "beta_end": 0.012, "beta_schedule": "scaled_linear", "num_train_timesteps": 1000}
"""Of every Stable Diffusion 1, 2 and XL. Such a file doesn't tell what its network predicts: noise is taken for
granted."""

_PREFIXES = {
    "unet": "model.diffusion_model.",
    "vae": "first_stage_model.",
    "clip-text-l": "cond_stage_model.transformer.text_model.",
    "clip-text-h": "cond_stage_model.model.",
    "clip-text-g": "conditioner.embedders.1.model.",
}
_XL_PREFIXES = {**_PREFIXES, "clip-text-l": "conditioner.embedders.0.transformer.text_model."}
_WORDS = {"clip-text-l", "clip-text-h", "clip-text-g"}
_NETWORKS = {"unet-sd1", "unet-sd2", "unet-sdxl", "unet-mvdream", "vae-sd", "vae-sdxl", *_WORDS}
"""Those that can be read from a single file."""
_UNET_RESNET = {
    "norm1": "in_layers.0",
    "conv1": "in_layers.2",
    "time_emb_proj": "emb_layers.1",
    "norm2": "out_layers.0",
    "conv2": "out_layers.3",
    "conv_shortcut": "skip_connection",
}
_VAE_ATTENTION = {"group_norm": "norm", "to_q": "q", "to_k": "k", "to_v": "v", "to_out.0": "proj_out"}
_OPEN_CLIP_LAYER = {
    "layer_norm1": "ln_1",
    "layer_norm2": "ln_2",
    "mlp.fc1": "mlp.c_fc",
    "mlp.fc2": "mlp.c_proj",
    "self_attn.out_proj": "attn.out_proj",
}
_XL_MODULES = {
    "add_embedding.linear_1": "label_emb.0.0",
    "add_embedding.linear_2": "label_emb.0.2",
    "up_blocks.0.upsamplers.0.conv": "output_blocks.2.2.conv",
}
"""Where SDXL's UNet differs: it is told sizes, and its coarsest level has attention."""
Part = int | Literal["transposed"] | None
"""Which third of its rows, where query, key and value are one; or turned over; or all of it."""
_LAYERS = 2
"""Residual blocks of each level."""
_LEVELS = 4


@dataclass(frozen=True)
class SingleFile(Checkpoint):
    """One file with all networks; the configs are the published ones."""

    name: str
    path: Path
    facts: Manifest
    tokenizers: Mapping[str, Path]
    """Folders by name."""
    option: str = Checkpoint.option

    @classmethod
    def opened(cls, path: Path, facts: Manifest) -> "SingleFile":
        """The tokenizer comes from the folder tokenizer/ (and SDXL's other from tokenizer_2/) beside the file, or from
        the hub.

        Raises WeightsUnavailable.
        """
        if not {component.network for component in facts.components.values()} <= _NETWORKS:
            raise WeightsUnavailable(
                f"{path} is a single file, from which {facts.prior} cannot be read. Give a folder in the diffusers "
                f"layout with {facts.option}."
            )
        if path.suffix not in (".safetensors", ".ckpt", ".pt", ".pth", ".bin"):
            raise WeightsUnavailable(f"{path} is no file of weights. Give a folder, or a .safetensors file.")
        vocabularies = [file for file in facts.files if file.endswith("vocab.json")]
        files = {file: path.parent / file for file in vocabularies}
        if not all(file.is_file() for file in files.values()):
            read_shapes(path, facts.option)  # A broken file is told before the hub is asked.
            files = tokenizer_files(facts)
        tokenizers = {Path(file).parts[0]: files[file].parent for file in vocabularies}
        return cls(str(path), path, facts, tokenizers, facts.option)

    def config(self, component: str) -> dict[str, Any]:
        """Of the published checkpoint."""
        return self.facts.components[component].config

    def scheduler_config(self) -> dict[str, Any]:
        """Of the published checkpoint."""
        return dict(_SCHEDULE)

    def tokenizer(self, name: str) -> Path:
        """The folder of that name."""
        return self.tokenizers[name]

    def shapes(self, component: str) -> dict[str, tuple[int, ...]]:
        """Of what the file holds of the component."""
        found = read_shapes(self.path, self.option)
        own = self._names(component)
        return {new: _new_shape(new, found[old], part) for new, (old, part) in own.items() if old in found}

    def tensors(self, component: str) -> Iterator[tuple[str, Tensor]]:
        """The component's."""
        wanted: dict[str, list[tuple[str, Part]]] = {}
        for new, (old, part) in self._names(component).items():
            wanted.setdefault(old, []).append((new, part))
        for old, tensor in read_tensors(self.path, self.option):
            for new, part in wanted.get(old, ()):
                own = tensor.chunk(3)[part] if isinstance(part, int) else tensor.T if part else tensor
                yield new, own.reshape(_new_shape(new, tuple(tensor.shape), part))

    def _names(self, component: str) -> dict[str, tuple[str, Part]]:
        entry, with_two = self.facts.components[component], "text_encoder_2" in self.facts.components
        return {common_name(component, name): old_name(entry.network, name, xl=with_two) for name in entry.shapes}


def old_name(network: str, name: str, *, xl: bool = False) -> tuple[str, Part]:
    """A tensor's name in the single file (of SDXL, where `xl`), and what part of the tensor there it is.

    `name` is that in the diffusers layout. Source: the reference converter of diffusers, convert_from_ckpt.py.
    """
    match network:
        case "clip-text-l":
            return (_XL_PREFIXES if xl else _PREFIXES)[network] + name.removeprefix("text_model."), None
        case "clip-text-h" | "clip-text-g":
            old, part = _open_clip_name(name.removeprefix("text_model."))
            return _PREFIXES[network] + old, part
        case "vae-sd" | "vae-sdxl":
            return _PREFIXES["vae"] + _by_table(name, _vae_modules()), None
        case "unet-mvdream":
            return _PREFIXES["unet"] + name, None
        case _:
            table = {**_unet_modules(), **_XL_MODULES} if xl else _unet_modules()
            return _PREFIXES["unet"] + _by_table(name, table), None


def _by_table(name: str, modules: Mapping[str, str]) -> str:
    """The longest known beginning of a name replaced."""
    module = max((each for each in modules if name.startswith(each + ".")), key=len, default="")
    return modules[module] + name[len(module) :] if module else name


@cache
def _unet_modules() -> dict[str, str]:
    modules = {
        "conv_in": "input_blocks.0.0",
        "time_embedding.linear_1": "time_embed.0",
        "time_embedding.linear_2": "time_embed.2",
        "mid_block.attentions.0": "middle_block.1",
        "conv_norm_out": "out.0",
        "conv_out": "out.2",
    }
    resnets = {f"mid_block.resnets.{i}": f"middle_block.{2 * i}" for i in range(2)}
    for level in range(_LEVELS):
        first_down, first_up = (_LAYERS + 1) * level + 1, (_LAYERS + 1) * level
        for i in range(_LAYERS):
            resnets[f"down_blocks.{level}.resnets.{i}"] = f"input_blocks.{first_down + i}.0"
            modules[f"down_blocks.{level}.attentions.{i}"] = f"input_blocks.{first_down + i}.1"
        for i in range(_LAYERS + 1):
            resnets[f"up_blocks.{level}.resnets.{i}"] = f"output_blocks.{first_up + i}.0"
            modules[f"up_blocks.{level}.attentions.{i}"] = f"output_blocks.{first_up + i}.1"
        modules[f"down_blocks.{level}.downsamplers.0.conv"] = f"input_blocks.{first_down + _LAYERS}.0.op"
        place = 2 if level else 1  # The coarsest level has no attention before it.
        modules[f"up_blocks.{level}.upsamplers.0.conv"] = f"output_blocks.{first_up + _LAYERS}.{place}.conv"
    return modules | {f"{new}.{a}": f"{old}.{b}" for new, old in resnets.items() for a, b in _UNET_RESNET.items()}


@cache
def _vae_modules() -> dict[str, str]:
    modules: dict[str, str] = {}
    for side, way, layers in (("encoder", "down", _LAYERS), ("decoder", "up", _LAYERS + 1)):
        modules[f"{side}.conv_norm_out"] = f"{side}.norm_out"
        for new, old in _VAE_ATTENTION.items():
            modules[f"{side}.mid_block.attentions.0.{new}"] = f"{side}.mid.attn_1.{old}"
        for i in range(2):
            modules[f"{side}.mid_block.resnets.{i}"] = f"{side}.mid.block_{i + 1}"
        for level in range(_LEVELS):
            old = f"{side}.{way}.{level if way == 'down' else _LEVELS - 1 - level}"
            new = f"{side}.{way}_blocks.{level}"
            modules[f"{new}.{way}samplers.0.conv"] = f"{old}.{way}sample.conv"
            for i in range(layers):
                modules[f"{new}.resnets.{i}"] = f"{old}.block.{i}"
                modules[f"{new}.resnets.{i}.conv_shortcut"] = f"{old}.block.{i}.nin_shortcut"
    return modules


def _open_clip_name(name: str) -> tuple[str, Part]:
    top = {
        "embeddings.token_embedding.weight": "token_embedding.weight",
        "embeddings.position_embedding.weight": "positional_embedding",
        "final_layer_norm.weight": "ln_final.weight",
        "final_layer_norm.bias": "ln_final.bias",
    }
    if name in top:
        return top[name], None
    if name == "text_projection.weight":
        return "text_projection", "transposed"
    layer, rest = name.removeprefix("encoder.layers.").split(".", 1)
    prefix = f"transformer.resblocks.{layer}."
    for third, part in enumerate(("q_proj", "k_proj", "v_proj")):
        if rest.startswith(f"self_attn.{part}."):
            return f"{prefix}attn.in_proj_{rest.rsplit('.', 1)[-1]}", third
    return prefix + _by_table(rest, _OPEN_CLIP_LAYER), None


def _new_shape(name: str, shape: tuple[int, ...], part: Part) -> tuple[int, ...]:
    """Of a part of a tensor. The autoencoder's attention was made of 1x1 convolutions; it is linear today."""
    if "mid_block.attentions" in name and name.startswith(("encoder.", "decoder.")):
        return shape[:2]
    if part == "transposed":
        return shape[::-1]
    return shape if part is None else (shape[0] // 3, *shape[1:])
