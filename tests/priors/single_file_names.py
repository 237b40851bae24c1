"""How Stable Diffusion's single file calls tensors: a table of our own, against which diffusers' converters are held.

All networks lie side by side under prefixes, by the names of github.com/CompVis/stable-diffusion and, for the words of
the second version and of SDXL, of github.com/mlfoundations/open_clip.
"""

from collections.abc import Mapping
from typing import Literal

_PREFIXES = {
    "unet": "model.diffusion_model.",
    "vae": "first_stage_model.",
    "clip-text-l": "cond_stage_model.transformer.text_model.",
    "clip-text-h": "cond_stage_model.model.",
    "clip-text-g": "conditioner.embedders.1.model.",
}
_XL_PREFIXES = {**_PREFIXES, "clip-text-l": "conditioner.embedders.0.transformer.text_model."}
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
            return _PREFIXES["vae"] + by_table(name, _vae_modules()), None
        case _:
            table = {**unet_modules(), **_XL_MODULES} if xl else unet_modules()
            return _PREFIXES["unet"] + by_table(name, table), None


def by_table(name: str, modules: Mapping[str, str]) -> str:
    """The longest known beginning of a name replaced."""
    module = max((start for start in modules if name.startswith(start + ".")), key=len, default="")
    return modules[module] + name[len(module) :] if module else name


def unet_modules(levels: int = 4, layers: int = 2, *, all_attend: bool = False) -> dict[str, str]:
    """A UNet's modules by their names in diffusers; in most UNets the coarsest level has no attention."""
    modules = {
        "conv_in": "input_blocks.0.0",
        "time_embedding.linear_1": "time_embed.0",
        "time_embedding.linear_2": "time_embed.2",
        "mid_block.attentions.0": "middle_block.1",
        "conv_norm_out": "out.0",
        "conv_out": "out.2",
    }
    resnets = {f"mid_block.resnets.{i}": f"middle_block.{2 * i}" for i in range(2)}
    for level in range(levels):
        first_down, first_up = (layers + 1) * level + 1, (layers + 1) * level
        for i in range(layers):
            resnets[f"down_blocks.{level}.resnets.{i}"] = f"input_blocks.{first_down + i}.0"
            modules[f"down_blocks.{level}.attentions.{i}"] = f"input_blocks.{first_down + i}.1"
        for i in range(layers + 1):
            resnets[f"up_blocks.{level}.resnets.{i}"] = f"output_blocks.{first_up + i}.0"
            modules[f"up_blocks.{level}.attentions.{i}"] = f"output_blocks.{first_up + i}.1"
        modules[f"down_blocks.{level}.downsamplers.0.conv"] = f"input_blocks.{first_down + layers}.0.op"
        place = 2 if level or all_attend else 1
        modules[f"up_blocks.{level}.upsamplers.0.conv"] = f"output_blocks.{first_up + layers}.{place}.conv"
    return modules | {f"{new}.{a}": f"{old}.{b}" for new, old in resnets.items() for a, b in _UNET_RESNET.items()}


def _vae_modules(levels: int = 4, layers: int = 2) -> dict[str, str]:
    modules: dict[str, str] = {}
    for side, way, count in (("encoder", "down", layers), ("decoder", "up", layers + 1)):
        modules[f"{side}.conv_norm_out"] = f"{side}.norm_out"
        for new, old in _VAE_ATTENTION.items():
            modules[f"{side}.mid_block.attentions.0.{new}"] = f"{side}.mid.attn_1.{old}"
        for i in range(2):
            modules[f"{side}.mid_block.resnets.{i}"] = f"{side}.mid.block_{i + 1}"
        for level in range(levels):
            old = f"{side}.{way}.{level if way == 'down' else levels - 1 - level}"
            new = f"{side}.{way}_blocks.{level}"
            modules[f"{new}.{way}samplers.0.conv"] = f"{old}.{way}sample.conv"
            for i in range(count):
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
    return prefix + by_table(rest, _OPEN_CLIP_LAYER), None
