"""Weights that wait leave tensors of the meta device in the network; what isn't there is on the card: here, the CPU."""

from dataclasses import replace

import pytest
import torch
from torch import nn
from torch.overrides import TorchFunctionMode

from dreamgaussian.core.camera import Camera
from dreamgaussian.core.errors import ConfigError
from dreamgaussian.inputs.subject import Subject
from dreamgaussian.priors.from_hub import find_checkpoint
from dreamgaussian.priors.latent import load_latent_space, load_unet
from dreamgaussian.priors.multiview import MultiView
from dreamgaussian.priors.offload import offloaded
from dreamgaussian.priors.registry import open_prior
from dreamgaussian.priors.settings import HubSettings
from dreamgaussian.text_to_image import open_text_to_image
from priors.tiny_checkpoints import write_flow, write_multiview, write_stable_diffusion

CPU, META = torch.device("cpu"), torch.device("meta")
OFFLOAD = HubSettings(offload=True)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return write_stable_diffusion(tmp_path_factory.mktemp("sd"))


def on_card(network: nn.Module) -> int:
    """Bytes of weights on the card."""
    return sum(tensor.nbytes for tensor in network.parameters() if tensor.device != META)


class Watch(TorchFunctionMode):
    """Bytes on the card at each linear layer and convolution."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network
        self.seen: list[int] = []

    def __torch_function__(self, function, types, args=(), kwargs=None):
        if function in (nn.functional.linear, nn.functional.conv2d):
            self.seen.append(on_card(self.network))
        return function(*args, **(kwargs or {}))


def test_only_the_layer_that_runs_is_on_the_card():
    """100 and 20 weights in float32: 400 bytes, then 80, never both."""
    network = nn.Sequential(nn.Linear(10, 10, bias=False), nn.Linear(10, 2, bias=False)).requires_grad_(False)
    x = torch.randn(1, 10)
    expected = network(x)
    offloaded(network, CPU)
    with Watch(network) as watch:
        assert torch.equal(network(x), expected)
    assert watch.seen == [400, 80]
    assert on_card(network) == 0


def test_a_whole_unet_runs_with_a_layer_at_a_time_on_the_card(folder):
    checkpoint = find_checkpoint("stable-diffusion", str(folder))
    unet = load_unet(replace(checkpoint, offload=True), CPU, in_channels=4)
    total, largest = (pick(t.nbytes for t in unet.parameters()) for pick in (sum, max))
    x, words = torch.zeros(1, 4, 8, 8, dtype=torch.bfloat16), torch.zeros(1, 77, 32, dtype=torch.bfloat16)
    with torch.no_grad(), Watch(unet) as watch:
        assert unet(x, torch.zeros(1), words, return_dict=False)[0].shape == x.shape
    assert len(watch.seen) > 50
    assert 0 < max(watch.seen) < 2 * largest < total / 5


def test_the_autoencoder_stays_on_the_card(folder):
    checkpoint = find_checkpoint("stable-diffusion", str(folder))
    space = load_latent_space(replace(checkpoint, offload=True), CPU)
    assert on_card(space.vae) == sum(parameter.nbytes for parameter in space.vae.parameters())


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


def test_a_compiled_network_cannot_be_offloaded():
    with pytest.raises(ConfigError, match="the whole network on the device"):
        HubSettings(compile=True, offload=True)
