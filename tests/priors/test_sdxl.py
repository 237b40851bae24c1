import math
from dataclasses import replace

import pytest
import torch

from dreamgaussian.core.camera import Camera
from dreamgaussian.guidance.gradients import GradientContext, sds_gradient
from dreamgaussian.inputs.subject import Subject
from dreamgaussian.priors.registry import open_prior, prior_record
from dreamgaussian.priors.stable_diffusion import StableDiffusion
from guidance.recorder import Recorder
from priors.manifest import components
from priors.tiny_checkpoints import WIDTH, write_sdxl

CPU = torch.device("cpu")
FRONT = [Camera.orbit(0, 0, 8)]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return write_sdxl(tmp_path_factory.mktemp("sdxl"))


def opened(folder, **subject) -> StableDiffusion:
    """The prior from a tiny checkpoint."""
    return open_prior("sdxl", Subject(**subject), CPU, str(folder))


def test_words_are_both_encoders_states_before_the_last_layer_and_the_seconds_projection(folder):
    from transformers import CLIPTextModel, CLIPTextModelWithProjection, CLIPTokenizer

    tokens = CLIPTokenizer.from_pretrained(folder / "tokenizer")(
        "a horse, front view", padding="max_length", max_length=77, return_tensors="pt"
    )
    first = CLIPTextModel.from_pretrained(folder / "text_encoder")
    second = CLIPTextModelWithProjection.from_pretrained(folder / "text_encoder_2")
    with torch.no_grad():
        one, two = (encoder(tokens.input_ids, output_hidden_states=True) for encoder in (first, second))
    words = opened(folder, prompt="a horse").embeddings["front view"]
    torch.testing.assert_close(words.tokens, torch.cat([one.hidden_states[1], two.hidden_states[1]], dim=-1)[0])
    torch.testing.assert_close(words.pooled, two.text_embeds[0])


def test_no_words_are_zero_and_a_negative_prompt_is_not(folder):
    """force_zeros_for_empty_prompt in the published model_index.json."""
    silent, spoken = opened(folder, prompt="a"), opened(folder, prompt="a", negative_prompt="b")
    assert silent.embeddings["unconditional"].tokens.abs().max() == 0
    assert silent.embeddings["unconditional"].pooled.abs().max() == 0
    assert spoken.embeddings["unconditional"].tokens.abs().max() > 0


def test_the_network_is_told_size_crop_and_target(folder):
    """(height, width, top, left, target height, target width) of an image that was never cropped: _get_add_time_ids in
    pipeline_stable_diffusion_xl.py of diffusers.
    """
    recorder = Recorder()
    prior = replace(opened(folder, prompt="a"), unet=recorder)
    prior.predict_noise(torch.zeros(1, 1, 4, 8, 8), torch.tensor([0.5]), [FRONT], ("conditional", "unconditional"))
    _, _, context, told = recorder.calls[0]
    assert context.shape == (2, 77, 2 * WIDTH)
    assert told["time_ids"].tolist() == [[1024, 1024, 0, 0, 1024, 1024]] * 2
    torch.testing.assert_close(told["text_embeds"][0], prior.embeddings["front view"].pooled)
    assert told["text_embeds"][1].abs().max() == 0


def test_it_distils(folder):
    prior = opened(folder, prompt="a")
    images = torch.rand(1, 1, 3, 64, 64, generator=torch.Generator().manual_seed(0), requires_grad=True)
    x = prior.encode(images)
    context = GradientContext(prior, [FRONT], torch.tensor([0.3]), torch.zeros_like(x), 100.0, "sigma_squared")
    x.backward(sds_gradient(x, context))
    assert images.grad is not None
    assert 0 < images.grad.abs().max() < math.inf


def test_what_it_sees_is_declared():
    """The factor is scale_factor in sd_xl_base.yaml of github.com/Stability-AI/generative-models."""
    assert prior_record("sdxl").spec.resolution == 1024
    assert components("sdxl")["vae"].config["scaling_factor"] == 0.13025
