import json
from math import prod

import pytest
import torch
from torch import nn

from dreamgaussian.priors.checkpoint import common_name, shape_differences
from dreamgaussian.priors.latent import on_meta
from dreamgaussian.priors.manifest import Component, manifest
from dreamgaussian.priors.multiview_unet import MultiViewUNet
from dreamgaussian.priors.registry import HUB_PRIORS

HELPERS = ("taesd", "taesdxl", "sd3.5", "flux-schnell")
NETWORKS = {
    component.network: (name, component)
    for prior in (*HUB_PRIORS, *HELPERS)
    for name, component in manifest(prior).components.items()
}


def full_size(network: str, config: dict) -> nn.Module:
    """The network as the loader builds it, without memory."""
    from diffusers.models.autoencoders.autoencoder_kl import AutoencoderKL
    from diffusers.models.autoencoders.autoencoder_tiny import AutoencoderTiny
    from diffusers.models.transformers.transformer_flux import FluxTransformer2DModel
    from diffusers.models.transformers.transformer_sd3 import SD3Transformer2DModel
    from diffusers.models.unets.unet_2d_condition import UNet2DConditionModel
    from transformers import CLIPTextConfig, CLIPTextModel, CLIPVisionConfig, CLIPVisionModel, T5Config, T5EncoderModel
    from transformers import CLIPTextModelWithProjection as CLIPTextModelProjected
    from transformers import CLIPVisionModelWithProjection as CLIPVisionModelProjected

    plain = {key: value for key, value in config.items() if key != "model_type"}
    with torch.device("meta"):
        match network.split("-"):
            case ["unet", "mvdream" | "imagedream"]:
                return MultiViewUNet(config)
            case ["unet", _]:
                return on_meta(UNet2DConditionModel, config)
            case ["transformer", "flux", _]:
                return on_meta(FluxTransformer2DModel, config)
            case ["t5", _]:
                return T5EncoderModel(T5Config(**plain)).encoder
            case ["transformer", _, _]:
                return on_meta(SD3Transformer2DModel, config)
            case ["clip", "text", "l", "projected"]:
                return CLIPTextModelProjected(CLIPTextConfig(**plain))
            case ["vae", "tiny"]:
                return on_meta(AutoencoderTiny, config)
            case ["vae", _]:
                return on_meta(AutoencoderKL, config)
            case ["clip", "text", size]:
                return (CLIPTextModelProjected if size == "g" else CLIPTextModel)(CLIPTextConfig(**plain))
            case ["clip", "vision", size]:
                return {"l": CLIPVisionModelProjected, "h": CLIPVisionModel}[size](CLIPVisionConfig(**plain))
            case _:
                return nn.Linear(768 + 4, 768)


@pytest.mark.parametrize("network", sorted(NETWORKS))
def test_the_full_size_network_has_the_published_tensors_and_no_others(network):
    name, component = NETWORKS[network]
    built = {
        common_name(name, key): tuple(t.shape) for key, t in full_size(network, component.config).state_dict().items()
    }
    published = {common_name(name, key): shape for key, shape in component.shapes.items()}
    assert shape_differences(published, built) == ""
    assert len(published) == len(component.shapes)


SIZED = [(p, n) for p in (*HUB_PRIORS, *HELPERS) for n, part in manifest(p).components.items() if part.published_size]


@pytest.mark.parametrize(("prior", "name"), SIZED)
def test_the_listed_tensors_make_up_the_published_file_size(prior, name):
    """In float16, to the hub's three digits; the sizes come from the hub's pages, the tensors from elsewhere."""
    component = manifest(prior).components[name]
    tensors = {key: torch.empty(shape, dtype=torch.float16, device="meta") for key, shape in component.shapes.items()}
    places = {key: {"dtype": "F16", "shape": list(t.shape), "data_offsets": [10**9] * 2} for key, t in tensors.items()}
    size = sum(tensor.nbytes for tensor in tensors.values()) + len(json.dumps(places, separators=(",", ":")))
    number, unit = component.published_size.split()
    assert f"{size / {'GB': 1e9, 'MB': 1e6}[unit]:.3g}" == number


def test_fluxs_transformer_makes_up_the_published_files_of_dev():
    """Dev's three files; it has a guidance embedder of 256 x 3072 + 3072 x 3072 weights and two biases besides."""
    shapes = manifest("flux-schnell").components["transformer"].shapes
    weights = 2 * (sum(map(prod, shapes.values())) + 256 * 3072 + 3072 * 3072 + 2 * 3072)
    headers = 9983040304 + 9949328904 + 3870584832 - weights
    assert 100 < headers / (len(shapes) + 4) < 150  # bytes that name a tensor


def test_a_key_with_commas_stands_for_equal_branches():
    shapes = Component("unet-sd1", ("unet",), "").shapes
    assert shapes["down_blocks.0.attentions.1.transformer_blocks.0.attn2.to_k.weight"] == (320, 768)
    assert len(shapes) == 686  # as counted in every port of Stable Diffusion 1


def test_every_prior_has_ids_files_and_a_licence():
    for name in (*HUB_PRIORS, *HELPERS):
        facts = manifest(name)
        assert facts.prior == name
        assert facts.licence
        assert all(id_.count("/") == 1 for id_ in facts.ids)
        assert name in HELPERS or "scheduler/scheduler_config.json" in facts.files
