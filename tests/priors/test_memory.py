import weakref
from dataclasses import replace

import pytest
import torch

from dreamgaussian.inputs.subject import Subject
from dreamgaussian.priors.checkpoint import DiffusersFolder
from dreamgaussian.priors.manifest import Component, manifest, weights_in_memory
from dreamgaussian.priors.registry import HUB_PRIORS, open_prior
from dreamgaussian.priors.settings import HubSettings
from dreamgaussian.text_to_image import open_text_to_image
from priors.tiny_checkpoints import write_flow, write_flux, write_sdxl, write_stable_diffusion


class Sized(Component):
    """A component of 5 numbers."""

    @property
    def shapes(self):
        return {"a": (2, 2), "b": (1,)}


def test_encoders_count_one_by_one_in_float32_and_the_rest_in_two_bytes():
    """Two encoders of 5 numbers: 20 bytes at a time; UNet and autoencoder of 5 each: 20 bytes together."""
    names = ("unet", "vae", "text_encoder", "text_encoder_2")
    facts = replace(manifest("sdxl"), components={name: Sized(name, ()) for name in names})
    assert weights_in_memory(facts) == (20, 20)


@pytest.mark.parametrize("name", HUB_PRIORS)
def test_the_weights_of_every_prior_but_sdxl_leave_half_of_6_gb_free(name):
    assert max(weights_in_memory(manifest(name))) < (6e9 if name == "sdxl" else 3e9)


@pytest.fixture
def loaded(monkeypatch) -> dict[str, weakref.ref]:
    """Every network that is loaded, by component, and in `alive` the names of those still there at each loading."""
    networks: dict[str, weakref.ref] = {}
    load = DiffusersFolder.load

    def watched(self, component, network, **options):
        kept = [name for name, network in networks.items() if network() is not None]
        monkeypatch.setitem(ALIVE, component, kept)
        networks[component] = weakref.ref(network)
        return load(self, component, network, **options)

    monkeypatch.setattr(DiffusersFolder, "load", watched)
    return networks


ALIVE: dict[str, list[str]] = {}
"""What was there when a component was loaded."""


@pytest.mark.parametrize(("name", "write"), [("stable-diffusion", write_stable_diffusion), ("sdxl", write_sdxl)])
def test_the_encoders_of_words_are_let_go_before_the_unet_is_loaded(name, write, tmp_path, loaded):
    open_prior(name, Subject(prompt="a"), torch.device("cpu"), str(write(tmp_path / "checkpoint")))
    assert "text_encoder" in loaded
    assert ALIVE["unet"] == ["vae"]


@pytest.mark.parametrize(
    ("name", "write", "small"), [("sd3.5", write_flow, "steps"), ("flux-schnell", write_flux, "side")]
)
@pytest.mark.parametrize("offload", [False, True])
def test_a_models_networks_come_one_after_the_other_and_none_is_left(name, write, small, offload, tmp_path, loaded):
    hub = HubSettings(text_to_image_path=str(write(tmp_path / "checkpoint")), offload=offload)
    model = replace(open_text_to_image(name, torch.device("cpu"), hub), **{small: 4})
    model("a cup", "", torch.Generator().manual_seed(0))
    assert {"vae", "transformer", "text_encoder"} < loaded.keys()
    assert [ALIVE[component] for component in loaded] == [[]] * 4
    assert [name for name, network in loaded.items() if network() is not None] == []
