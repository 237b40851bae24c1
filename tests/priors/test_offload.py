"""The meta device stands in for a graphics card: it holds shapes and no numbers, so what went there can't come back."""

from dataclasses import replace

import pytest
import torch
from torch import nn

from dreamgaussian.core.camera import Camera
from dreamgaussian.core.errors import ConfigError
from dreamgaussian.inputs.subject import Subject
from dreamgaussian.priors.from_hub import find_checkpoint
from dreamgaussian.priors.latent import load_latent_space, load_unet
from dreamgaussian.priors.manifest import manifest, weights_in_memory
from dreamgaussian.priors.multiview import MultiView
from dreamgaussian.priors.offload import Offloaded, visiting
from dreamgaussian.priors.registry import HUB_PRIORS, open_prior
from dreamgaussian.priors.settings import HubSettings
from dreamgaussian.text_to_image import open_text_to_image
from priors.tiny_checkpoints import write_flow, write_multiview, write_stable_diffusion

CPU, CARD = torch.device("cpu"), torch.device("meta")
OFFLOAD = HubSettings(offload=True)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return write_stable_diffusion(tmp_path_factory.mktemp("sd"))


def on_card(network: nn.Module) -> int:
    """Bytes of weights on the card."""
    tensors = (*network.parameters(), *network.buffers())
    return sum(tensor.nbytes for tensor in tensors if tensor.device == CARD)


def watch(network: nn.Module) -> list[int]:
    """Bytes on the card during each layer's run, filled in as the network runs."""
    seen: list[int] = []
    for layer in network.modules():
        if not list(layer.children()):
            layer.register_forward_pre_hook(lambda *_: seen.append(on_card(network)))
    return seen


def test_only_the_layer_that_runs_is_on_the_card():
    """100 and 20 weights in float32: 400 bytes, then 80, never both."""
    network = nn.Sequential(nn.Linear(10, 10, bias=False), nn.Linear(10, 2, bias=False))
    before = {name: tensor.clone() for name, tensor in network.state_dict().items()}
    seen = watch(visiting(network, CARD))
    assert network(torch.empty(1, 10, device=CARD)).device == CARD
    assert seen == [400, 80]
    assert on_card(network) == 0
    for name, tensor in network.state_dict().items():
        assert torch.equal(tensor, before[name])


def test_a_layer_that_fails_goes_home_too():
    network = visiting(nn.Linear(10, 2), CARD)
    with pytest.raises(RuntimeError):
        network(torch.empty(1, 3, device=CARD))
    assert on_card(network) == 0


def test_a_whole_unet_runs_with_a_layer_at_a_time_on_the_card(folder):
    unet = load_unet(Offloaded(find_checkpoint("stable-diffusion", str(folder))), CARD, in_channels=4)
    total, largest = (pick(t.nbytes for t in unet.parameters()) for pick in (sum, max))
    seen = watch(unet)
    x = torch.empty(1, 4, 8, 8, dtype=torch.float16, device=CARD)
    step, words = torch.empty(1, device=CARD), torch.empty(1, 77, 32, dtype=torch.float16, device=CARD)
    with torch.no_grad():
        assert unet(x, step, words, return_dict=False)[0].shape == x.shape
    assert len(seen) > 50
    assert max(seen) < 2 * largest < total / 5


def test_the_autoencoder_stays_on_the_card(folder):
    space = load_latent_space(Offloaded(find_checkpoint("stable-diffusion", str(folder))), CARD)
    assert all(parameter.device == CARD for parameter in space.vae.parameters())


def test_predictions_and_gradients_are_the_same(folder):
    """On the CPU, where a visit costs nothing."""
    plain, offloaded = (
        open_prior("stable-diffusion", Subject(prompt="a"), CPU, str(folder), hub=hub)
        for hub in (HubSettings(), OFFLOAD)
    )
    t, cameras = torch.tensor([0.5]), [[Camera.orbit(0, 0, 64)]]
    gradients = []
    for prior in (plain, offloaded):
        images = torch.rand(1, 1, 3, 64, 64, generator=torch.Generator().manual_seed(0)).requires_grad_()
        x = prior.encode(images)
        x.backward(prior.predict_noise(x.detach(), t, cameras, ("conditional",))[0])
        gradients.append(images.grad)
    torch.testing.assert_close(*gradients)


def test_four_views_are_the_same(tmp_path):
    folder = str(write_multiview(tmp_path / "mvdream"))
    x_t, t = torch.randn(1, 4, 4, 8, 8, generator=torch.Generator().manual_seed(0)), torch.tensor([0.5])
    cameras = [[Camera.orbit(azimuth, 0, 8) for azimuth in (0, 90, 180, -90)]]
    priors = [open_prior("mvdream", Subject(prompt="a"), CPU, folder, hub=hub) for hub in (HubSettings(), OFFLOAD)]
    assert isinstance(priors[1], MultiView)
    torch.testing.assert_close(*(prior.predict_noise(x_t, t, cameras, ("conditional",)) for prior in priors))


def test_a_models_image_is_the_same(tmp_path):
    place = HubSettings(text_to_image_path=str(write_flow(tmp_path / "sd35")))
    models = [open_text_to_image("sd3.5", CPU, hub) for hub in (place, replace(place, offload=True))]
    first, second = (model("a cup", "", torch.Generator().manual_seed(0)).image.rgba for model in models)
    assert (first == second).all()


@pytest.mark.parametrize("name", [*HUB_PRIORS, "sd3.5", "flux-schnell"])
def test_offloaded_weights_of_every_prior_take_less_than_a_gigabyte(name):
    assert max(weights_in_memory(manifest(name), offload=True)) < 1e9


def test_a_compiled_network_cannot_be_offloaded():
    with pytest.raises(ConfigError, match="the whole network on the device"):
        HubSettings(compile=True, offload=True)
