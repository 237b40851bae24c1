import gc
import weakref
from dataclasses import replace

import pytest
import torch

from dreamgaussian.inputs.subject import Subject
from dreamgaussian.priors.checkpoint import Checkpoint
from dreamgaussian.priors.registry import open_prior
from dreamgaussian.priors.settings import HubSettings
from dreamgaussian.text_to_image import open_text_to_image
from priors.tiny_checkpoints import write_flow, write_flux, write_sdxl, write_stable_diffusion


@pytest.fixture
def loaded(monkeypatch) -> dict[str, weakref.ref]:
    """Every network that is loaded, by component, and in `alive` the names of those still there at each loading."""
    networks: dict[str, weakref.ref] = {}
    finish = Checkpoint._finish

    def watched(self, component, network, device):
        kept = [name for name, network in networks.items() if network() is not None]
        monkeypatch.setitem(ALIVE, component, kept)
        networks[component] = weakref.ref(network)
        return finish(self, component, network, device)

    monkeypatch.setattr(Checkpoint, "_finish", watched)
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
    gc.collect()
    assert [name for name, network in loaded.items() if network() is not None] == []
