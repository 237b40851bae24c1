import json
from importlib.resources import files
from math import prod

import pytest
import torch
from torch import nn

from dreamgaussian.priors.checkpoint import shape_differences
from dreamgaussian.priors.multiview_unet import MultiViewUNet, from_published
from dreamgaussian.priors.offload import weights_in_memory
from dreamgaussian.priors.published import PUBLISHED
from dreamgaussian.priors.registry import HUB_PRIORS
from priors.manifest import Component, components, shapes

HELPERS = ("taesd", "taesdxl", "sd3.5", "flux-schnell")
NETWORKS = {
    component.network: (name, component)
    for prior in (*HUB_PRIORS, *HELPERS)
    for name, component in components(prior).items()
}


def full_size(network: str, config: dict) -> nn.Module:
    """The network that the loader names, without memory."""
    from diffusers.models.autoencoders.autoencoder_kl import AutoencoderKL
    from diffusers.models.autoencoders.autoencoder_tiny import AutoencoderTiny
    from diffusers.models.transformers.transformer_flux import FluxTransformer2DModel
    from diffusers.models.transformers.transformer_sd3 import SD3Transformer2DModel
    from diffusers.models.unets.unet_2d_condition import UNet2DConditionModel
    from transformers import CLIPTextConfig, CLIPTextModel, CLIPVisionConfig, CLIPVisionModel, T5Config, T5EncoderModel
    from transformers import CLIPTextModelWithProjection as CLIPTextModelProjected
    from transformers import CLIPVisionModelWithProjection as CLIPVisionModelProjected

    plain = {key: value for key, value in config.items() if key not in ("model_type", "_class_name")}
    with torch.device("meta"):
        match network.split("-"):
            case ["unet", "mvdream" | "imagedream"]:
                return MultiViewUNet(config)
            case ["unet", _]:
                return UNet2DConditionModel.from_config(plain)
            case ["transformer", "flux", _]:
                return FluxTransformer2DModel.from_config(plain)
            case ["t5", _]:
                return T5EncoderModel(T5Config(**plain)).encoder
            case ["transformer", _, _]:
                return SD3Transformer2DModel.from_config(plain)
            case ["clip", "text", "l", "projected"]:
                return CLIPTextModelProjected(CLIPTextConfig(**plain))
            case ["vae", "tiny"]:
                return AutoencoderTiny.from_config(plain)
            case ["vae", _]:
                return AutoencoderKL.from_config(plain)
            case ["clip", "text", size]:
                return (CLIPTextModelProjected if size == "g" else CLIPTextModel)(CLIPTextConfig(**plain))
            case ["clip", "vision", size]:
                return {"l": CLIPVisionModelProjected, "h": CLIPVisionModel}[size](CLIPVisionConfig(**plain))
            case _:
                return nn.Linear(768 + 4, 768)


def today(component: str, name: str) -> str:
    """One name for a tensor that files of different years and today's networks call differently.

    Attention says query, key, value and proj_attn in autoencoders of 2022; transformers 5 dropped the prefixes of
    CLIP's modules, not of its files; T5's encoder shares its table of words with a decoder; Zero123's projection is
    proj or projection.
    """
    attention = {"query": "to_q", "key": "to_k", "value": "to_v", "proj_attn": "to_out.0"}
    match component:
        case "vae":
            parts = name.split(".")
            if "attentions" in parts and parts[-2] in attention:
                parts[-2] = attention[parts[-2]]
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


@pytest.mark.parametrize("network", sorted(NETWORKS))
def test_the_full_size_network_has_the_published_tensors_and_no_others(network):
    name, component = NETWORKS[network]
    published = component.shapes
    if network in ("unet-mvdream", "unet-imagedream"):
        tensors = {key: torch.empty(shape, device="meta") for key, shape in component.shapes.items()}
        published = {key: tuple(t.shape) for key, t in from_published(tensors, component.config).items()}
    built = {today(name, key): tuple(t.shape) for key, t in full_size(network, component.config).state_dict().items()}
    assert shape_differences({today(name, key): shape for key, shape in published.items()}, built) == ""
    assert len(published) == len(component.shapes)


SIZED = [(p, n) for p in (*HUB_PRIORS, *HELPERS) for n, part in components(p).items() if part.published_size]


@pytest.mark.parametrize(("prior", "name"), SIZED)
def test_the_listed_tensors_make_up_the_published_file_size(prior, name):
    """In float16, to the hub's three digits; the sizes come from the hub's pages, the tensors from elsewhere."""
    component = components(prior)[name]
    tensors = {key: torch.empty(shape, dtype=torch.float16, device="meta") for key, shape in component.shapes.items()}
    places = {key: {"dtype": "F16", "shape": list(t.shape), "data_offsets": [10**9] * 2} for key, t in tensors.items()}
    size = sum(tensor.nbytes for tensor in tensors.values()) + len(json.dumps(places, separators=(",", ":")))
    number, unit = component.published_size.split()
    assert f"{size / {'GB': 1e9, 'MB': 1e6}[unit]:.3g}" == number


def test_fluxs_transformer_makes_up_the_published_files_of_dev():
    """Dev's three files; it has a guidance embedder of 256 x 3072 + 3072 x 3072 weights and two biases besides."""
    tensors = components("flux-schnell")["transformer"].shapes
    weights = 2 * (sum(map(prod, tensors.values())) + 256 * 3072 + 3072 * 3072 + 2 * 3072)
    headers = 9983040304 + 9949328904 + 3870584832 - weights
    assert 100 < headers / (len(tensors) + 4) < 150  # bytes that name a tensor


def test_a_key_with_commas_stands_for_equal_branches():
    tensors = Component("unet-sd1").shapes
    assert tensors["down_blocks.0.attentions.1.transformer_blocks.0.attn2.to_k.weight"] == (320, 768)
    assert len(tensors) == 686  # as counted in every port of Stable Diffusion 1


def test_every_prior_has_ids_files_and_a_licence():
    for name in (*HUB_PRIORS, *HELPERS):
        facts = PUBLISHED[name]
        assert facts.licence
        assert all(id_.count("/") == 1 for id_ in facts.ids)
        assert name in HELPERS or "scheduler/scheduler_config.json" in facts.files
        assert facts.folders.keys() == components(name).keys()


def test_a_single_files_configs_are_the_published_ones():
    for name, facts in PUBLISHED.items():
        for component, config in facts.configs.items():
            assert components(name)[component].network == config
            assert (files("dreamgaussian.priors") / f"configs/{config}.json").is_file()


def test_encoders_count_one_by_one_in_float32_and_the_rest_in_two_bytes():
    """Two encoders of 5 numbers: 20 bytes at a time; UNet and autoencoder of 5 each: 20 bytes together."""
    tensors = {"a": (2, 2), "b": (1,)}
    sized = dict.fromkeys(("unet", "vae", "text_encoder", "text_encoder_2"), tensors)
    assert weights_in_memory(sized) == (20, 20)


@pytest.mark.parametrize("name", HUB_PRIORS)
def test_the_weights_of_every_prior_but_sdxl_leave_half_of_6_gb_free(name):
    assert max(weights_in_memory(shapes(name))) < (6e9 if name == "sdxl" else 3e9)


@pytest.mark.parametrize("name", [*HUB_PRIORS, "sd3.5", "flux-schnell"])
def test_offloaded_weights_of_every_prior_take_less_than_a_gigabyte(name):
    assert max(weights_in_memory(shapes(name), offload=True)) < 1e9
