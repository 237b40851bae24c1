"""Checkpoints of a few kilobytes in the published layout: the folders, file names and tensor names of the hub.

The networks are those of the published checkpoints, only narrower. Tensor names are written as in the published files:
CLIP's with their prefixes and counters, the autoencoder's attention as of 2022.
"""

import json
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file
from torch import nn

from priors.manifest import components
from priors.single_file_names import by_table, unet_modules

WIDTH = 32
"""Of the context."""
PART = "diffusion_pytorch_model"

UNET = {
    "_class_name": "UNet2DConditionModel",
    "_diffusers_version": "0.6.0",
    "attention_head_dim": 8,
    "block_out_channels": [32, 32],
    "cross_attention_dim": WIDTH,
    "down_block_types": ["CrossAttnDownBlock2D", "DownBlock2D"],
    "up_block_types": ["UpBlock2D", "CrossAttnUpBlock2D"],
    "layers_per_block": 1,
    "norm_num_groups": 8,
    "in_channels": 4,
    "out_channels": 4,
}
VAE = {
    "_class_name": "AutoencoderKL",
    "block_out_channels": [8, 8, 8, 8],
    "down_block_types": ["DownEncoderBlock2D"] * 4,
    "up_block_types": ["UpDecoderBlock2D"] * 4,
    "latent_channels": 4,
    "layers_per_block": 1,
    "norm_num_groups": 4,
}
TEXT = {
    "hidden_size": WIDTH,
    "intermediate_size": 64,
    "num_attention_heads": 4,
    "num_hidden_layers": 2,
    "projection_dim": WIDTH,
    "max_position_embeddings": 77,
    "model_type": "clip_text_model",
}
IMAGE = {
    "hidden_size": WIDTH,
    "intermediate_size": 64,
    "num_attention_heads": 4,
    "num_hidden_layers": 2,
    "patch_size": 56,
    "image_size": 224,
    "projection_dim": WIDTH,
    "model_type": "clip_vision_model",
}
MULTIVIEW = {
    "_class_name": "MultiViewUNetModel",
    "attention_resolutions": [2, 1],
    "camera_dim": 16,
    "channel_mult": [1, 2],
    "context_dim": WIDTH,
    "image_size": 32,
    "in_channels": 4,
    "model_channels": 32,
    "num_head_channels": 32,
    "num_res_blocks": 1,
    "out_channels": 4,
    "transformer_depth": 1,
}
SCHEDULER = {
    "_class_name": "DDIMScheduler",
    "beta_start": 0.00085,
    "beta_end": 0.012,
    "beta_schedule": "scaled_linear",
    "num_train_timesteps": 1000,
    "prediction_type": "epsilon",
}


def write_stable_diffusion(folder: Path, *, prediction: str = "epsilon", ending: str = ".safetensors") -> Path:
    """Words to an image."""
    from diffusers.models.unets.unet_2d_condition import UNet2DConditionModel

    write_common(folder, prediction)
    write_network(folder / "unet", build(UNet2DConditionModel, UNET), UNET, f"diffusion_pytorch_model{ending}")
    write_words(folder)
    return folder


def write_sdxl(folder: Path) -> Path:
    """Words, through two encoders, to an image."""
    from diffusers.models.unets.unet_2d_condition import UNet2DConditionModel

    write_common(folder, "epsilon")
    config = {
        **UNET,
        "cross_attention_dim": 2 * WIDTH,
        "addition_embed_type": "text_time",
        "addition_time_embed_dim": 8,
        "projection_class_embeddings_input_dim": WIDTH + 6 * 8,
    }
    write_network(folder / "unet", build(UNet2DConditionModel, config), config, "diffusion_pytorch_model.safetensors")
    write_words(folder)
    write_words(folder, second=True)
    return folder


def write_zero123(folder: Path, *, projection: str = "clip_camera_projection") -> Path:
    """An image and a camera to an image."""
    from diffusers.models.unets.unet_2d_condition import UNet2DConditionModel

    write_common(folder, "epsilon")
    config = {**UNET, "in_channels": 8}
    write_network(folder / "unet", build(UNet2DConditionModel, config), config, "diffusion_pytorch_model.safetensors")
    write_image_encoder(folder, with_projection=True)
    name = {"clip_camera_projection": "proj", "cc_projection": "projection"}[projection]
    linear = nn.ModuleDict({name: nn.Linear(WIDTH + 4, WIDTH)})
    write_network(folder / projection, linear, {}, "diffusion_pytorch_model.safetensors")
    return folder


def write_multiview(folder: Path, *, image_tokens: int = 0) -> Path:
    """MVDream, or ImageDream where there are image tokens."""
    from dreamgaussian.priors.multiview_unet import MultiViewUNet

    write_common(folder, "epsilon")
    config = {**MULTIVIEW, "ip_dim": image_tokens} if image_tokens else MULTIVIEW
    torch.manual_seed(0)
    tensors = {multiview_name(name): tensor for name, tensor in MultiViewUNet(config, WIDTH).state_dict().items()}
    write_tensors(folder / "unet", tensors, config, "diffusion_pytorch_model.safetensors")
    write_words(folder)
    if image_tokens:
        write_image_encoder(folder, with_projection=False)
    return folder


def multiview_name(name: str, levels: int = 2, layers: int = 1, *, all_attend: bool = True) -> str:
    """What MVDream's published file calls a tensor of our network; sizes are those of `MULTIVIEW`."""
    if not name.startswith("unet."):
        return name
    modules = {f"class_embedding.linear_{i + 1}": f"camera_embed.{2 * i}" for i in range(2)}
    modules |= unet_modules(levels, layers, all_attend=all_attend)
    return by_table(name.removeprefix("unet.").replace(".processor.", "."), modules)


def write_common(folder: Path, prediction: str) -> None:
    """The autoencoder, with the attention's names of 2022, and the scheduler."""
    from diffusers.models.autoencoders.autoencoder_kl import AutoencoderKL

    old = {"to_q": "query", "to_k": "key", "to_v": "value", "to_out.0": "proj_attn"}
    tensors = dict(build(AutoencoderKL, VAE).state_dict())
    for new, name in old.items():
        tensors = {key.replace(f".{new}.", f".{name}."): tensor for key, tensor in tensors.items()}
    assert any("proj_attn" in key for key in tensors)
    write_tensors(folder / "vae", tensors, VAE, "diffusion_pytorch_model.safetensors")
    (folder / "scheduler").mkdir()
    scheduler = json.dumps({**SCHEDULER, "prediction_type": prediction})
    (folder / "scheduler/scheduler_config.json").write_text(scheduler)


def write_tiny_encoder(folder: Path) -> Path:
    """TAESD, narrow."""
    from diffusers.models.autoencoders.autoencoder_tiny import AutoencoderTiny

    config = {"encoder_block_out_channels": [8] * 4, "decoder_block_out_channels": [8] * 4}
    write_network(folder, build(AutoencoderTiny, config), config, "diffusion_pytorch_model.safetensors")
    return folder


def write_flow(folder: Path) -> Path:
    """Stable Diffusion 3.5 without T5: images of 32 pixels."""
    from diffusers.models.autoencoders.autoencoder_kl import AutoencoderKL
    from diffusers.models.transformers.transformer_sd3 import SD3Transformer2DModel

    published = {name: each.config for name, each in components("sd3.5").items()}
    narrow = {"num_layers": 2, "num_attention_heads": 2, "attention_head_dim": 16, "caption_projection_dim": 32}
    small = {"sample_size": 4, "pos_embed_max_size": 8, "dual_attention_layers": [0]}
    words = {"joint_attention_dim": 3 * WIDTH, "pooled_projection_dim": 2 * WIDTH}
    config = {**published["transformer"], **narrow, **small, **words}
    network = build(SD3Transformer2DModel, config)
    write_network(folder / "transformer", network, config, "diffusion_pytorch_model.safetensors")
    vae = {**published["vae"], "block_out_channels": [8] * 4, "layers_per_block": 1, "norm_num_groups": 4}
    write_network(folder / "vae", build(AutoencoderKL, vae), vae, "diffusion_pytorch_model.safetensors")
    write_words(folder, projected=True)
    write_words(folder, second=True)
    (folder / "scheduler").mkdir()
    (folder / "scheduler/scheduler_config.json").write_text('{"num_train_timesteps": 1000, "shift": 3.0}')
    return folder


def write_flux(folder: Path, *, dev: bool = False) -> Path:
    """FLUX.1 schnell, or dev, the transformer in two parts: images of 32 pixels."""
    from diffusers.models.autoencoders.autoencoder_kl import AutoencoderKL
    from diffusers.models.transformers.transformer_flux import FluxTransformer2DModel

    published = {name: each.config for name, each in components("flux-schnell").items()}
    narrow = {"num_layers": 1, "num_single_layers": 1, "num_attention_heads": 2, "attention_head_dim": 16}
    words = {"joint_attention_dim": WIDTH, "pooled_projection_dim": WIDTH, "axes_dims_rope": [4, 6, 6]}
    config = {**published["transformer"], **narrow, **words, "guidance_embeds": dev}
    tensors = list(build(FluxTransformer2DModel, config).state_dict().items())
    parts = {f"{PART}-00001-of-00002.safetensors": tensors[:9], f"{PART}-00002-of-00002.safetensors": tensors[9:]}
    for file, part in parts.items():
        write_tensors(folder / "transformer", dict(part), config, file)
    places = {name: file for file, part in parts.items() for name, _ in part}
    index = json.dumps({"metadata": {}, "weight_map": places})
    (folder / "transformer" / f"{PART}.safetensors.index.json").write_text(index)
    vae = {**published["vae"], "block_out_channels": [8] * 4, "layers_per_block": 1, "norm_num_groups": 4}
    vae |= {"scaling_factor": 0.3611, "shift_factor": 0.1159}
    write_network(folder / "vae", build(AutoencoderKL, vae), vae, "diffusion_pytorch_model.safetensors")
    write_words(folder)
    write_t5(folder)
    (folder / "scheduler").mkdir()
    scheduler = {"num_train_timesteps": 1000, "shift": 3.0 if dev else 1.0, "use_dynamic_shifting": dev}
    (folder / "scheduler/scheduler_config.json").write_text(json.dumps(scheduler))
    return folder


def write_t5(folder: Path) -> None:
    """T5's encoder, and its tokenizer of whole words."""
    from tokenizers import Tokenizer, models, pre_tokenizers, processors
    from transformers import T5Config, T5EncoderModel

    vocabulary = {token: i for i, token in enumerate(("<pad>", "</s>", "<unk>", "a", "cup", "one", "object"))}
    config = {"d_model": WIDTH, "d_ff": 64, "d_kv": 8, "num_heads": 4, "num_layers": 2, "vocab_size": len(vocabulary)}
    config |= {"feed_forward_proj": "gated-gelu", "model_type": "t5"}
    torch.manual_seed(3)
    network = T5EncoderModel(T5Config(**{k: v for k, v in config.items() if k != "model_type"}))
    tensors = {name: tensor for name, tensor in network.state_dict().items() if "embed_tokens" not in name}
    write_tensors(folder / "text_encoder_2", tensors, config, "model.safetensors")
    tokenizer = Tokenizer(models.WordLevel(vocabulary, unk_token="<unk>"))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    tokenizer.post_processor = processors.TemplateProcessing(single="$A </s>", special_tokens=[("</s>", 1)])
    (folder / "tokenizer_2").mkdir()
    tokenizer.save(str(folder / "tokenizer_2/tokenizer.json"))


def write_words(folder: Path, *, second: bool = False, projected: bool = False) -> None:
    """The tokenizer, of single letters, and the text encoder; or SDXL's second of both."""
    from transformers import CLIPTextConfig, CLIPTextModel, CLIPTextModelWithProjection

    letters = [chr(code) for code in range(33, 127)]
    tokens = [*letters, *(letter + "</w>" for letter in letters), "<|startoftext|>", "<|endoftext|>"]
    config = {**TEXT, "vocab_size": len(tokens), "eos_token_id": 2, "bos_token_id": 0, "pad_token_id": 1}
    torch.manual_seed(1)
    kind = CLIPTextModelWithProjection if second or projected else CLIPTextModel
    network = kind(CLIPTextConfig(**{k: v for k, v in config.items() if k != "model_type"}))
    tensors = {
        key if key.startswith(("text_model.", "text_projection.")) else "text_model." + key: value
        for key, value in network.state_dict().items()
    }
    tensors["text_model.embeddings.position_ids"] = torch.arange(77)[None]
    suffix = "_2" if second else ""
    write_tensors(folder / f"text_encoder{suffix}", tensors, config, "model.safetensors")
    tokenizer = folder / f"tokenizer{suffix}"
    tokenizer.mkdir()
    (tokenizer / "vocab.json").write_text(json.dumps({token: index for index, token in enumerate(tokens)}))
    (tokenizer / "merges.txt").write_text("#version: 0.2\n")
    end = dict.fromkeys(("eos_token", "pad_token", "unk_token"), "<|endoftext|>")
    special = {"bos_token": "<|startoftext|>", **end}
    (tokenizer / "special_tokens_map.json").write_text(json.dumps(special))
    settings = {"tokenizer_class": "CLIPTokenizer", "model_max_length": 77, "do_lower_case": True, **special}
    (tokenizer / "tokenizer_config.json").write_text(json.dumps(settings))


def write_image_encoder(folder: Path, *, with_projection: bool) -> None:
    """CLIP's image encoder."""
    from transformers import CLIPVisionConfig, CLIPVisionModel, CLIPVisionModelWithProjection

    kind = CLIPVisionModelWithProjection if with_projection else CLIPVisionModel
    torch.manual_seed(2)
    network = kind(CLIPVisionConfig(**{k: v for k, v in IMAGE.items() if k != "model_type"}))
    tensors = {
        key if key.startswith(("vision_model.", "visual_projection.")) else "vision_model." + key: value
        for key, value in network.state_dict().items()
    }
    tensors["vision_model.embeddings.position_ids"] = torch.arange(17)[None]
    write_tensors(folder / "image_encoder", tensors, IMAGE, "model.safetensors")


def build(kind: Any, config: dict[str, Any]) -> nn.Module:
    """A network of diffusers with repeatable random weights."""
    torch.manual_seed(0)
    return kind.from_config({key: value for key, value in config.items() if not key.startswith("_")})


def write_network(folder: Path, network: nn.Module, config: dict[str, Any], file: str) -> None:
    """A network's tensors and config."""
    write_tensors(folder, dict(network.state_dict()), config, file)


def write_tensors(folder: Path, tensors: dict[str, torch.Tensor], config: dict[str, Any], file: str) -> None:
    """Tensors, as safetensors or pickled, and a config."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "config.json").write_text(json.dumps(config))
    if file.endswith(".safetensors"):
        save_file({name: tensor.contiguous() for name, tensor in tensors.items()}, folder / file)
    else:
        torch.save(tensors, folder / file)
