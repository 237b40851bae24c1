import pytest
import torch

from dreamgaussian.core.errors import WeightsUnavailable
from dreamgaussian.priors.clip import PromptEmbedding
from dreamgaussian.priors.from_hub import find_checkpoint
from dreamgaussian.priors.latent import load_latent_space
from dreamgaussian.priors.settings import HubSettings
from dreamgaussian.text_to_image import TextToImage, open_text_to_image
from dreamgaussian.text_to_image.flow import flow_context, flow_scheduler, integrate
from priors.tiny_checkpoints import write_flow

CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return write_flow(tmp_path_factory.mktemp("sd35"))


def model(folder) -> TextToImage:
    return open_text_to_image("sd3.5", CPU, HubSettings(text_to_image_path=str(folder)))


def test_a_constant_velocity_carries_noise_to_itself_less_the_velocity():
    """x falls by (1 - 0.75) 2 and by (0.75 - 0) 2, whatever the levels between."""
    assert integrate(lambda x, _: torch.full_like(x, 2.0), torch.tensor([5.0]), [1.0, 0.75, 0.0]).item() == 3.0


def test_the_flow_of_a_single_image_ends_at_it():
    """v = eps - x and x_s = (1 - s) x + s eps, so v = (x_s - x) / s; x is 3, the noise -1, halfway it is at 1."""
    seen = []

    def velocity(x: torch.Tensor, level: float) -> torch.Tensor:
        seen.append(x.item())
        return (x - 3) / level

    assert integrate(velocity, torch.tensor([-1.0]), [1.0, 0.5, 0.25, 0.0]).item() == pytest.approx(3.0)
    assert seen == pytest.approx([-1.0, 1.0, 2.0])


def test_levels_are_those_of_diffusers_scheduler(folder):
    """Shift 3 takes the level s to 3 s / (1 + 2 s): of the two steps, the second starts at that of about a half."""
    scheduler = flow_scheduler(find_checkpoint("sd3.5", str(folder)))
    scheduler.set_timesteps(40)
    levels = scheduler.sigmas.tolist()
    assert (levels[0], levels[-1], len(levels)) == (1.0, 0.0, 41)
    assert levels[20] == pytest.approx(3 * 0.488 / (1 + 2 * 0.488), abs=0.01)


def test_words_fill_the_context_beside_zeros():
    """Two tokens of width 3 in a context of width 5; T5's 256 tokens are zero."""
    context = flow_context(PromptEmbedding(torch.ones(2, 3), torch.ones(4)), 5)
    assert context.shape == (258, 5)
    assert context[:2].tolist() == [[1, 1, 1, 0, 0]] * 2
    assert context[2:].abs().max() == 0


def test_latents_are_shifted_and_scaled(folder):
    """The decoder sees z / 1.5305 + 0.0609 (scripts/convert_sd3_to_diffusers.py of diffusers)."""
    space = load_latent_space(find_checkpoint("sd3.5", str(folder)), CPU, torch.float32)
    latents = torch.randn(1, 16, 4, 4, generator=torch.Generator().manual_seed(0))
    expected = space.vae.decode(latents / 1.5305 + 0.0609).sample / 2 + 0.5
    torch.testing.assert_close(space.decode(latents), expected)


def test_it_paints_as_its_own_pipeline_does(folder):
    """Equal noise and words give the image of diffusers' StableDiffusion3Pipeline without T5."""
    from diffusers import StableDiffusion3Pipeline
    from diffusers.models.autoencoders.autoencoder_kl import AutoencoderKL
    from diffusers.models.transformers.transformer_sd3 import SD3Transformer2DModel
    from diffusers.schedulers.scheduling_flow_match_euler_discrete import FlowMatchEulerDiscreteScheduler
    from transformers import CLIPTextModelWithProjection, CLIPTokenizer

    generated = model(folder)("a cup", "blurry", torch.Generator().manual_seed(3))
    pipeline = StableDiffusion3Pipeline(
        transformer=SD3Transformer2DModel.from_pretrained(folder / "transformer"),
        scheduler=FlowMatchEulerDiscreteScheduler.from_pretrained(folder / "scheduler"),
        vae=AutoencoderKL.from_pretrained(folder / "vae"),
        text_encoder=CLIPTextModelWithProjection.from_pretrained(folder / "text_encoder"),
        tokenizer=CLIPTokenizer.from_pretrained(folder / "tokenizer"),
        text_encoder_2=CLIPTextModelWithProjection.from_pretrained(folder / "text_encoder_2"),
        tokenizer_2=CLIPTokenizer.from_pretrained(folder / "tokenizer_2"),
        text_encoder_3=None,
        tokenizer_3=None,
    )
    pipeline.set_progress_bar_config(disable=True)
    theirs = pipeline(
        generated.metadata["prompt"],
        negative_prompt="blurry",
        latents=torch.randn(1, 16, 4, 4, generator=torch.Generator().manual_seed(3)),
        height=32,
        width=32,
        num_inference_steps=40,
        guidance_scale=4.5,
        output_type="pt",
    ).images[0]
    ours = torch.from_numpy(generated.image.rgba[..., :3]).permute(2, 0, 1)
    assert (ours - theirs).abs().max() < 0.05  # bfloat16 against float32
    assert theirs.std() > 0.1


def test_equal_seeds_make_equal_images(folder):
    first, again, other = (model(folder)("a cup", "", torch.Generator().manual_seed(s)) for s in (0, 0, 1))
    assert (first.image.rgba == again.image.rgba).all()
    assert (first.image.rgba != other.image.rgba).any()
    assert first.elevation_deg is None
    assert first.image.rgba.shape == (32, 32, 4)


def test_missing_weights_are_told_before_anything_is_painted(tmp_path):
    with pytest.raises(WeightsUnavailable, match=r"no checkpoint of sd3\.5: it lacks transformer/, vae/"):
        model(tmp_path)
    with pytest.raises(WeightsUnavailable, match=r"--hub\.text-to-image-path nowhere is neither"):
        open_text_to_image("sd3.5", CPU, HubSettings(text_to_image_path="nowhere"))
