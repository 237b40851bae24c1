import logging
from dataclasses import replace

import numpy as np
import pytest
import torch

from dreamgaussian.priors.from_hub import find_checkpoint
from dreamgaussian.priors.latent import load_latent_space
from dreamgaussian.priors.settings import HubSettings
from dreamgaussian.text_to_image import GeneratedImage, open_text_to_image
from dreamgaussian.text_to_image.flux import FluxTextToImage, packed, places, unpacked
from priors.tiny_checkpoints import write_flux

CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return write_flux(tmp_path_factory.mktemp("flux"))


def model(folder, **settings) -> FluxTextToImage:
    model = open_text_to_image("flux-schnell", CPU, HubSettings(text_to_image_path=str(folder), **settings))
    assert isinstance(model, FluxTextToImage)
    return replace(model, side=4)


def paint(folder, seed: int = 3, **settings) -> GeneratedImage:
    return model(folder, **settings)("a cup", "", torch.Generator().manual_seed(seed))


def theirs(folder, phrase: str, steps: int, tokens: int) -> torch.Tensor:
    """The image of diffusers' own pipeline with equal noise and words."""
    from diffusers import FluxPipeline
    from diffusers.models.autoencoders.autoencoder_kl import AutoencoderKL
    from diffusers.models.transformers.transformer_flux import FluxTransformer2DModel
    from diffusers.schedulers.scheduling_flow_match_euler_discrete import FlowMatchEulerDiscreteScheduler
    from safetensors.torch import load_file
    from transformers import CLIPTextModel, CLIPTokenizer, PreTrainedTokenizerFast, T5EncoderModel

    transformer = FluxTransformer2DModel.from_config(FluxTransformer2DModel.load_config(folder / "transformer"))
    parts = [load_file(part) for part in (folder / "transformer").glob("*.safetensors")]
    transformer.load_state_dict(parts[0] | parts[1])
    pipeline = FluxPipeline(
        scheduler=FlowMatchEulerDiscreteScheduler.from_pretrained(folder / "scheduler"),
        vae=AutoencoderKL.from_pretrained(folder / "vae"),
        text_encoder=CLIPTextModel.from_pretrained(folder / "text_encoder"),
        tokenizer=CLIPTokenizer.from_pretrained(folder / "tokenizer"),
        text_encoder_2=T5EncoderModel.from_pretrained(folder / "text_encoder_2"),
        tokenizer_2=PreTrainedTokenizerFast(
            tokenizer_file=str(folder / "tokenizer_2/tokenizer.json"), pad_token="<pad>"
        ),
        transformer=transformer,
    )
    pipeline.set_progress_bar_config(disable=True)
    noise = torch.randn(16, 4, 4, generator=torch.Generator().manual_seed(3))
    options = {"num_inference_steps": steps, "guidance_scale": 3.5, "max_sequence_length": tokens}
    return pipeline(phrase, latents=packed(noise)[None], height=32, width=32, output_type="pt", **options).images[0]


@pytest.mark.parametrize(("dev", "steps", "tokens"), [(False, 4, 256), (True, 28, 512)])
def test_it_paints_as_its_own_pipeline_does(dev, steps, tokens, tmp_path):
    folder = write_flux(tmp_path / "flux", dev=dev)
    generated = paint(folder)
    assert generated.metadata["steps"] == steps
    expected = theirs(folder, generated.metadata["prompt"], steps, tokens)
    ours = torch.from_numpy(generated.image.rgba[..., :3]).permute(2, 0, 1)
    assert (ours - expected).abs().max() < 0.05  # bfloat16 against float32
    assert expected.std() > 0.05


def test_noise_levels_of_schnell_are_even(folder):
    """get_schedule of flux/sampling.py with shift=False: linspace(1, 0, 5)."""
    assert model(folder)._levels(4) == [1.0, 0.75, 0.5, 0.25, 0.0]


def test_noise_levels_of_dev_follow_the_images_size(tmp_path):
    """At 1024 pixels mu is 1.15, and 1/2 becomes e^1.15 / (e^1.15 + 1) (time_shift of flux/sampling.py)."""
    dev = replace(model(write_flux(tmp_path / "dev", dev=True)), side=128)
    assert dev._levels(2) == pytest.approx([1.0, 3.158193 / 4.158193, 0.0])


def test_four_neighbours_of_every_channel_are_one_token():
    """Two channels of 4 x 4: the second token is the upper right square of the first and then of the second channel."""
    latents = torch.arange(32.0).view(2, 4, 4)
    tokens = packed(latents)
    assert tokens[1].tolist() == [2, 3, 6, 7, 18, 19, 22, 23]
    assert torch.equal(unpacked(tokens, 4), latents)
    assert places(2).tolist() == [[0, 0, 0], [0, 0, 1], [0, 1, 0], [0, 1, 1]]


def test_latents_are_shifted_and_scaled(folder):
    """The decoder sees z / 0.3611 + 0.1159 (ae_params in flux/util.py)."""
    space = load_latent_space(find_checkpoint("flux-schnell", str(folder)), CPU, torch.float32)
    assert (space.scale, space.shift) == (0.3611, 0.1159)


def test_seeds_repeat_and_offloading_changes_nothing(folder):
    first, again, other = paint(folder), paint(folder, offload=True), paint(folder, seed=4)
    assert np.array_equal(first.image.rgba, again.image.rgba)
    assert not np.array_equal(first.image.rgba, other.image.rgba)


def test_a_negative_prompt_is_said_to_be_left_out(folder, caplog):
    with caplog.at_level(logging.WARNING):
        model(folder)("a cup", "blurry", torch.Generator().manual_seed(3))
    assert "FLUX knows no negative prompt; 'blurry' is left out." in caplog.messages
