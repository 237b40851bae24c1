import pytest
import torch
from diffusers.models.autoencoders.autoencoder_tiny import AutoencoderTiny

from dreamgaussian.core.errors import ConfigError, WeightsUnavailable
from dreamgaussian.inputs.subject import Subject
from dreamgaussian.priors.encoders import RGB_OF_LATENT, LinearGradient, linear_latents
from dreamgaussian.priors.registry import open_prior
from dreamgaussian.priors.settings import HubSettings
from priors.tiny_checkpoints import write_sdxl, write_stable_diffusion, write_tiny_encoder

CPU = torch.device("cpu")
TO_RGB = torch.tensor(RGB_OF_LATENT)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return write_stable_diffusion(tmp_path_factory.mktemp("sd"))


def opened(folder, name="stable-diffusion", **settings):
    """The prior from a tiny checkpoint."""
    return open_prior(name, Subject(prompt="a"), CPU, str(folder), hub=HubSettings(**settings))


def image() -> torch.Tensor:
    return torch.rand(1, 1, 3, 64, 64, generator=torch.Generator().manual_seed(0))


def test_linear_latents_have_the_colour_of_their_patch():
    """Left half orange (1, 0.5, 0), right half white: in [-1, 1] that is (1, 0, -1) and (1, 1, 1)."""
    images = torch.ones(1, 3, 8, 16)
    images[0, :, :, :8] = torch.tensor([1.0, 0.5, 0.0])[:, None, None]
    colors = torch.einsum("ndhw,dc->nhwc", linear_latents(images), TO_RGB)
    torch.testing.assert_close(colors[0, 0], torch.tensor([[1.0, 0.0, -1.0], [1.0, 1.0, 1.0]]))


def test_the_linear_gradient_is_that_of_the_patchs_mean_colour():
    """If latents are judged by their red alone, each of the 64 pixels gets 2 / 64 in red and nothing in the others."""
    images = torch.rand(1, 3, 8, 8, requires_grad=True)
    (linear_latents(images)[0, :, 0, 0] @ TO_RGB[:, 0]).backward()
    assert images.grad is not None
    expected = torch.tensor([2 / 64, 0, 0])[None, :, None, None].expand(1, 3, 8, 8)
    torch.testing.assert_close(images.grad, expected, atol=1e-6, rtol=1e-5)


def test_the_linear_encoder_keeps_the_exact_latents(folder):
    exact, linear = opened(folder), opened(folder, encoder="linear")
    images = image().requires_grad_()
    x = linear.encode(images)
    torch.testing.assert_close(x, exact.encode(image()))
    x.backward(torch.ones_like(x))
    assert images.grad is not None
    alone = image().requires_grad_()
    linear_latents(alone).backward(torch.ones_like(x))
    torch.testing.assert_close(images.grad, alone.grad)


def test_without_a_gradient_the_linear_encoder_does_nothing_more(folder):
    assert not opened(folder, encoder="linear").encode(image()).requires_grad


def test_the_tiny_encoder_is_read_from_its_own_place_and_the_decoder_stays(folder, tmp_path):
    path = write_tiny_encoder(tmp_path / "taesd")
    prior, exact = opened(folder, encoder="tiny", encoder_path=str(path)), opened(folder)
    theirs = AutoencoderTiny.from_pretrained(path).to(torch.bfloat16)
    images = image().requires_grad_()
    x = prior.encode(images)
    with torch.no_grad():
        expected = theirs.encode((image()[0] * 2 - 1).to(torch.bfloat16)).latents
    torch.testing.assert_close(x[0], expected.float())
    x.sum().backward()
    assert images.grad is not None
    assert images.grad.abs().max() > 0
    torch.testing.assert_close(prior.decode(x.detach()), exact.decode(x.detach()))


def test_a_missing_tiny_encoder_is_asked_for_by_its_own_flag(folder, tmp_path):
    with pytest.raises(WeightsUnavailable, match=r"no checkpoint of taesd: it lacks \./"):
        opened(folder, encoder="tiny", encoder_path=str(tmp_path))
    with pytest.raises(WeightsUnavailable, match=r"--hub\.encoder-path nowhere is neither"):
        opened(folder, encoder="tiny", encoder_path="nowhere")


def test_no_linear_map_is_known_for_sdxl(tmp_path):
    with pytest.raises(ConfigError, match=r"Try --hub\.encoder tiny"):
        opened(write_sdxl(tmp_path / "sdxl"), "sdxl", encoder="linear")
    assert isinstance(opened(write_stable_diffusion(tmp_path / "sd"), encoder="linear").latents, LinearGradient)


def test_the_network_is_compiled_on_demand(folder, monkeypatch):
    compiled = []
    monkeypatch.setattr(torch, "compile", lambda network: compiled.append(network) or network)
    assert opened(folder).unet is not None
    assert compiled == []
    assert opened(folder, compile=True).unet is compiled[0]
