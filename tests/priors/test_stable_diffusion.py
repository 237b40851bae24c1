import math
from dataclasses import replace

import pytest
import torch

from dreamgaussian.core.camera import Camera
from dreamgaussian.core.errors import ConfigError
from dreamgaussian.guidance.distill import denoise, guided_noise
from dreamgaussian.guidance.gradients import GradientContext, sds_gradient
from dreamgaussian.inputs.subject import Subject
from dreamgaussian.priors.registry import open_prior, prior_record
from dreamgaussian.priors.stable_diffusion import StableDiffusion, view_name, view_phrases
from guidance.recorder import Recorder
from priors.tiny_checkpoints import write_stable_diffusion

CPU = torch.device("cpu")
FRONT, BACK = [Camera.orbit(0, 0, 8)], [Camera.orbit(180, 0, 8)]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return write_stable_diffusion(tmp_path_factory.mktemp("sd"))


def opened(folder, **subject) -> StableDiffusion:
    """The prior from a tiny checkpoint."""
    return open_prior("stable-diffusion", Subject(**subject), CPU, str(folder))


def contexts(prior: StableDiffusion, cameras, conditions) -> torch.Tensor:
    """What the UNet is told."""
    recorder = Recorder()
    x_t = torch.zeros(len(cameras), 1, 4, 8, 8)
    replace(prior, unet=recorder).predict_noise(x_t, torch.full((len(cameras),), 0.5), cameras, conditions)
    return recorder.calls[0][2]


@pytest.mark.parametrize(
    ("azimuth", "elevation", "name"),
    [
        (0, 0, "front view"),
        (44, -20, "front view"),
        (-44, 59, "front view"),
        (46, 0, "side view"),
        (-90, 0, "side view"),
        (134, 0, "side view"),
        (136, 0, "back view"),
        (-170, 30, "back view"),
        (0, 61, "overhead view"),
        (180, 80, "overhead view"),
    ],
)
def test_the_camera_names_the_view(azimuth, elevation, name):
    """Front within 45 degrees of 0, back within 45 of 180, overhead above 60: threestudio's base.py (see view_name)."""
    assert view_name(Camera.orbit(azimuth, elevation, 8)) == name


def test_the_prompt_of_each_camera_is_used(folder):
    prior = opened(folder, prompt="a horse")
    told = contexts(prior, [FRONT, BACK], ("conditional", "unconditional"))
    assert torch.equal(told[0], prior.embeddings["front view"].tokens)
    assert torch.equal(told[1], prior.embeddings["back view"].tokens)
    assert not torch.equal(told[0], told[1])
    assert torch.equal(told[2], told[3])


def test_words_are_embedded_as_transformers_does(folder):
    from transformers import CLIPTextModel, CLIPTokenizer

    prior = opened(folder, prompt="a horse", negative_prompt="blurry")
    tokens = CLIPTokenizer.from_pretrained(folder / "tokenizer")
    encoder = CLIPTextModel.from_pretrained(folder / "text_encoder")
    for name, phrase in {"side view": "a horse, side view", "negative": "blurry"}.items():
        ids = tokens(phrase, padding="max_length", max_length=77, return_tensors="pt").input_ids
        with torch.no_grad():
            torch.testing.assert_close(prior.embeddings[name].tokens, encoder(ids).last_hidden_state[0])


def test_a_negative_prompt_is_what_guidance_departs_from(folder):
    without, with_one = opened(folder, prompt="a horse"), opened(folder, prompt="a horse", negative_prompt="blurry")
    assert torch.equal(with_one.embeddings["unconditional"].tokens, with_one.embeddings["negative"].tokens)
    assert not torch.equal(with_one.embeddings["unconditional"].tokens, without.embeddings["unconditional"].tokens)


def test_names_of_views_are_mixed_as_the_camera_lies_between_them(folder):
    """Azimuth -60 is a third of the way from the side back to the front."""
    prior = opened(folder, prompt="a horse")
    front, side = (prior.embeddings[name].tokens for name in ("front view", "side view"))
    told = contexts(prior, [[Camera.orbit(-60, 0, 8)]], ("between views", "unconditional", "front view", "side view"))
    torch.testing.assert_close(told[0], front / 3 + side * 2 / 3)
    assert torch.equal(told[2], front)
    assert torch.equal(told[3], side)


def test_perp_neg_steers_it(folder):
    prior, x_t, t = opened(folder, prompt="a horse"), torch.randn(1, 1, 4, 8, 8), torch.tensor([0.5])
    plain = guided_noise(prior, x_t, t, [BACK], 7.5)
    assert not torch.allclose(guided_noise(prior, x_t, t, [BACK], 7.5, perp_neg=True), plain, atol=1e-3)


def test_every_declared_condition_is_known(folder):
    prior = opened(folder, prompt="a horse")
    assert len(contexts(prior, [FRONT], prior.spec.conditions)) == len(prior.spec.conditions)


def test_faults_are_the_negative_prompt_of_those_who_give_none():
    assert view_phrases("a horse", "")["negative"].startswith("unrealistic, blurry")
    assert view_phrases("a horse", "")["unconditional"] == ""
    assert view_phrases("a horse", "two heads")["negative"] == "two heads"


def test_a_view_can_be_asked_for_by_name(folder):
    prior = opened(folder, prompt="a horse")
    assert torch.equal(contexts(prior, [FRONT], ("back view",))[0], prior.embeddings["back view"].tokens)


def test_a_velocity_checkpoint_answers_with_noise(tmp_path):
    """The network says v = 1 everywhere, so eps = alpha + sigma x_t."""
    prior = replace(
        opened(write_stable_diffusion(tmp_path / "v", prediction="v_prediction"), prompt="a horse"), unet=Recorder(1.0)
    )
    x_t, t = torch.full((1, 1, 4, 8, 8), 2.0), torch.tensor([0.4])
    alpha, sigma = (level.item() for level in prior.alpha_sigma(t))
    noise = prior.predict_noise(x_t, t, [FRONT], ("conditional",))
    torch.testing.assert_close(noise, torch.full((1, 1, 1, 4, 8, 8), alpha + 2 * sigma))


def test_latents_are_scaled(folder):
    """0.18215 times the autoencoder's mean of 2 image - 1, and back: scale_factor in v1-inference.yaml of
    github.com/CompVis/stable-diffusion.
    """
    prior = opened(folder, prompt="a horse")
    images = torch.rand(1, 1, 3, 64, 64, generator=torch.Generator().manual_seed(0))
    mean = prior.latents.vae.encode((images[0] * 2 - 1).to(torch.bfloat16)).latent_dist.mode()
    torch.testing.assert_close(prior.encode(images)[0], 0.18215 * mean.float())
    latents = torch.randn(1, 1, 4, 8, 8, generator=torch.Generator().manual_seed(1))
    decoded = prior.latents.vae.decode((latents[0] / 0.18215).to(torch.bfloat16)).sample
    torch.testing.assert_close(prior.decode(latents)[0], decoded.float() / 2 + 0.5)


def test_it_distils_and_denoises(folder):
    prior = opened(folder, prompt="a horse")
    images = torch.rand(2, 1, 3, 64, 64, generator=torch.Generator().manual_seed(0), requires_grad=True)
    x = prior.encode(images)
    t, eps = torch.tensor([0.3, 0.9]), torch.zeros_like(x)
    x.backward(sds_gradient(x, GradientContext(prior, [FRONT, BACK], t, eps, 100.0, "sigma_squared")))
    assert images.grad is not None
    assert 0 < images.grad.abs().max() < math.inf
    generator = torch.Generator().manual_seed(0)
    refined = denoise(prior, images.detach(), [FRONT, BACK], start_t=0.2, steps=2, scale=7.5, generator=generator)
    assert refined.shape == images.shape
    assert refined.isfinite().all()


def test_no_words_are_refused(folder):
    with pytest.raises(ConfigError, match="--prompt"):
        opened(folder, prompt=" ")


def test_what_it_sees_is_declared():
    record = prior_record("stable-diffusion-1.5")
    spec = record.spec
    assert (spec.resolution, spec.views_per_sample, spec.domain.radius) == (512, 1, 2.5)
    assert record.suggested.guidance_scale == 100
