from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save_file

from dreamgaussian.core.errors import WeightsUnavailable
from dreamgaussian.inputs.subject import Subject
from dreamgaussian.priors.latent import load_unet
from dreamgaussian.priors.manifest import Component, Manifest, manifest
from dreamgaussian.priors.registry import open_prior
from dreamgaussian.priors.single_file import SingleFile, old_name
from priors.tiny_checkpoints import write_words

WORDS = {"hidden_size": 32, "intermediate_size": 64, "num_attention_heads": 4, "vocab_size": 190}
NARROW = {
    "unet": {"block_out_channels": [32, 32, 32, 32], "attention_head_dim": 8, "cross_attention_dim": 32},
    "vae": {"block_out_channels": [32, 32, 32, 32]},
    "text_encoder": WORDS,
    "text_encoder_2": {**WORDS, "num_hidden_layers": 2, "projection_dim": 16},
}
NARROW_XL = {
    **NARROW,
    "unet": {
        **{"block_out_channels": [32, 32, 32], "attention_head_dim": 8, "cross_attention_dim": 64},
        **{"addition_time_embed_dim": 8, "projection_class_embeddings_input_dim": 16 + 6 * 8},
        "transformer_layers_per_block": [1, 1, 1],
    },
}
"""What makes the published configs small without changing a name."""


@dataclass(frozen=True)
class Narrow(Component):
    """A component with the published names and narrow tensors."""

    changes: tuple[tuple[str, Any], ...] = ()

    @property
    def config(self) -> dict[str, Any]:
        """The published one, narrow."""
        return {**super().config, **dict(self.changes)}


def narrow(prior: str) -> Manifest:
    """The prior's manifest for narrow networks."""
    facts, changes = manifest(prior), NARROW_XL if prior == "sdxl" else NARROW
    return replace(
        facts,
        components={
            name: Narrow(each.network, each.folders, each.published_size, tuple(changes[name].items()))
            for name, each in facts.components.items()
        },
    )


def networks(facts: Manifest) -> dict[str, torch.nn.Module]:
    """Narrow networks with random weights."""
    from diffusers.models.autoencoders.autoencoder_kl import AutoencoderKL
    from diffusers.models.unets.unet_2d_condition import UNet2DConditionModel
    from transformers import CLIPTextConfig, CLIPTextModel, CLIPTextModelWithProjection

    torch.manual_seed(0)
    configs = {name: component.config for name, component in facts.components.items()}
    encoders = {"text_encoder": CLIPTextModel, "text_encoder_2": CLIPTextModelWithProjection}
    words = {
        name: kind(CLIPTextConfig(**{key: value for key, value in configs[name].items() if key != "model_type"}))
        for name, kind in encoders.items()
        if name in configs
    }
    kinds = {"unet": UNet2DConditionModel, "vae": AutoencoderKL}
    plain = {
        name: kind.from_config({k: v for k, v in configs[name].items() if k[0] != "_"}) for name, kind in kinds.items()
    }
    return {**plain, **words}


def in_one_file(facts: Manifest) -> dict[str, torch.Tensor]:
    """The networks' tensors by the names of the single file; thirds stacked, the autoencoder's attention as 1x1."""
    found: dict[str, Any] = {}
    for component, network in networks(facts).items():
        for name, tensor in network.state_dict().items():
            if "text_encoder" in component and not name.startswith("text_projection"):
                name = "text_model." + name.removeprefix("text_model.")
            old, part = old_name(facts.components[component].network, name, xl=facts.prior == "sdxl")
            if component == "vae" and ".attentions." in name and tensor.ndim == 2:
                tensor = tensor[..., None, None]
            if isinstance(part, int):
                found.setdefault(old, [None] * 3)[part] = tensor
            else:
                found[old] = (tensor.T if part else tensor).contiguous()
    return {name: torch.cat(value) if isinstance(value, list) else value for name, value in found.items()}


@pytest.fixture(scope="module", params=["stable-diffusion", "stable-diffusion-1.5", "sdxl"])
def opened(request, tmp_path_factory) -> SingleFile:
    folder = tmp_path_factory.mktemp("file")
    facts = narrow(request.param)
    save_file(in_one_file(facts), folder / "model.safetensors")
    write_words(folder)
    write_words(folder, second=True)
    return SingleFile.opened(folder / "model.safetensors", facts)


def test_names_are_those_of_diffusers_own_converter(opened):
    from diffusers.loaders import single_file_utils as theirs
    from safetensors.torch import load_file

    tensors = load_file(opened.path)
    unet = opened.config("unet")
    expected = {
        "unet": theirs.convert_ldm_unet_checkpoint(
            dict(tensors), {"class_embed_type": None, "addition_embed_type": None, **unet}
        ),
        "vae": theirs.convert_ldm_vae_checkpoint(dict(tensors), opened.config("vae")),
    }
    for component, state in expected.items():
        ours = dict(opened.tensors(component))
        assert set(ours) == set(state)
        assert all(torch.equal(tensor, state[name]) for name, tensor in ours.items())


def test_every_tensor_of_the_words_is_found(opened):
    for component, network in networks(opened.facts).items():
        if "text_encoder" in component:
            ours = dict(opened.tensors(component))
            own = {name.removeprefix("text_model."): tensor for name, tensor in network.state_dict().items()}
            assert set(ours) == set(own)
            assert all(torch.equal(tensor, own[name]) for name, tensor in ours.items())
            assert opened.shapes(component) == {name: tuple(tensor.shape) for name, tensor in own.items()}


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


def test_the_networks_load(opened):
    device = torch.device("cpu")
    unet = load_unet(opened, device, in_channels=4)
    assert opened.shapes("unet") == {name: tuple(tensor.shape) for name, tensor in unet.state_dict().items()}
    assert opened.scheduler_config()["beta_schedule"] == "scaled_linear"


def test_a_file_without_the_networks_is_refused(tmp_path):
    save_file({"x": torch.zeros(1)}, tmp_path / "model.safetensors")
    write_words(tmp_path)
    with pytest.raises(WeightsUnavailable, match="does not fit: it lacks embeddings"):
        open_prior("stable-diffusion", Subject(prompt="a"), torch.device("cpu"), str(tmp_path / "model.safetensors"))


def test_a_corrupt_file_is_told_before_a_hub_is_asked_for_its_tokenizer(tmp_path, monkeypatch):
    monkeypatch.setattr("dreamgaussian.priors.single_file.tokenizer_files", lambda _: pytest.fail("asked the hub"))
    (tmp_path / "model.safetensors").write_bytes(b"junk")
    with pytest.raises(WeightsUnavailable, match="cut short or corrupt"):
        open_prior("stable-diffusion", Subject(prompt="a"), torch.device("cpu"), str(tmp_path / "model.safetensors"))


def test_a_image_prior_and_another_kind_of_file_are_refused(tmp_path):
    path = tmp_path / "model.safetensors"
    path.touch()
    with pytest.raises(WeightsUnavailable, match="from which zero123 cannot be read"):
        open_prior("zero123", Subject(), torch.device("cpu"), str(path))
    with pytest.raises(WeightsUnavailable, match="no file of weights"):
        open_prior("mvdream", Subject(), torch.device("cpu"), str(Path(__file__)))
