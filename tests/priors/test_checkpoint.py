import json
import pickle
import shutil
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from dreamgaussian.core.errors import WeightsUnavailable
from dreamgaussian.inputs.subject import Subject
from dreamgaussian.priors.checkpoint import Checkpoint, DiffusersFolder, shape_differences
from dreamgaussian.priors.hub import locate
from dreamgaussian.priors.latent import load_latent_space, load_unet
from dreamgaussian.priors.manifest import manifest
from dreamgaussian.priors.registry import open_prior
from dreamgaussian.priors.tensor_files import read_tensors
from priors.tiny_checkpoints import write_stable_diffusion

CPU = torch.device("cpu")
UNET = "unet/diffusion_pytorch_model.safetensors"


@pytest.fixture(scope="module")
def intact(tmp_path_factory) -> Path:
    return write_stable_diffusion(tmp_path_factory.mktemp("sd"))


@pytest.fixture
def folder(intact, tmp_path) -> Path:
    """A copy to be spoilt."""
    return shutil.copytree(intact, tmp_path / "sd")


def opened(folder: Path) -> Checkpoint:
    """The files, found and checked for being there."""
    return DiffusersFolder.fetched(locate(manifest("stable-diffusion"), str(folder)))


def refusal(folder: Path) -> str:
    """The one line that a user gets."""
    with pytest.raises(WeightsUnavailable) as error:
        open_prior("stable-diffusion", Subject(prompt="a horse"), CPU, str(folder))
    assert "\n" not in str(error.value)
    return str(error.value)


def test_networks_are_read_as_diffusers_reads_them(folder):
    """Also the autoencoder, whose attention is called by its names of 2022 in the file."""
    from diffusers.models.autoencoders.autoencoder_kl import AutoencoderKL
    from diffusers.models.unets.unet_2d_condition import UNet2DConditionModel

    checkpoint = opened(folder)
    unet, vae = load_unet(checkpoint, CPU, in_channels=4), load_latent_space(checkpoint, CPU).vae
    for ours, kind, name in ((unet, UNet2DConditionModel, "unet"), (vae, AutoencoderKL, "vae")):
        theirs = kind.from_pretrained(folder / name, low_cpu_mem_usage=False).state_dict()
        assert set(theirs) == set(ours.state_dict())
        for key, tensor in ours.state_dict().items():
            assert tensor.dtype == torch.bfloat16
            assert torch.equal(tensor, theirs[key].bfloat16())


def test_networks_are_frozen_and_have_channels_last(folder):
    unet = load_unet(opened(folder), CPU, in_channels=4)
    assert not unet.training
    assert not any(parameter.requires_grad for parameter in unet.parameters())
    assert unet.state_dict()["conv_in.weight"].is_contiguous(memory_format=torch.channels_last)


def test_half_precision_files_come_first(folder):
    save_file({"x": torch.zeros(1)}, folder / "unet/diffusion_pytorch_model.fp16.safetensors")
    assert [path.name for path in opened(folder).weights["unet"]] == ["diffusion_pytorch_model.fp16.safetensors"]


def test_a_checkpoint_published_only_as_bin_is_read_as_tensors(tmp_path):
    folder = write_stable_diffusion(tmp_path / "bin", ending=".bin")
    assert [path.suffix for path in opened(folder).weights["unet"]] == [".bin"]
    assert len(load_unet(opened(folder), CPU, in_channels=4).state_dict()) > 100


def test_a_tensor_of_the_wrong_shape_is_named(folder):
    tensors = load_file(folder / UNET)
    save_file({**tensors, "conv_in.weight": torch.zeros(32, 9, 3, 3)}, folder / UNET)
    assert "conv_in.weight is [32, 9, 3, 3] and should be [32, 4, 3, 3]" in refusal(folder)


def test_a_missing_and_an_unknown_tensor_are_named(folder):
    tensors = load_file(folder / UNET)
    tensors["conv_inn.weight"] = tensors.pop("conv_in.weight")
    save_file(tensors, folder / UNET)
    assert "it lacks conv_in.weight (and 1 more)" in refusal(folder)


def test_a_unet_for_other_channels_is_refused(folder):
    config = json.loads((folder / "unet/config.json").read_text())
    (folder / "unet/config.json").write_text(json.dumps({**config, "in_channels": 9}))
    assert "its UNet takes 9 channels, and this prior's takes 4" in refusal(folder)


@pytest.mark.parametrize("share", [0.0, 0.001, 0.5])
def test_a_truncated_file_is_called_so(folder, share):
    content = (folder / UNET).read_bytes()
    (folder / UNET).write_bytes(content[: int(share * len(content))])
    message = refusal(folder)
    assert "cut short or corrupt" in message
    assert UNET in message
    assert message.endswith("or give another file, folder or hub id with --prior-path.")


def test_a_truncated_bin_is_called_so(tmp_path):
    folder = write_stable_diffusion(tmp_path / "bin", ending=".bin")
    path = folder / "unet/diffusion_pytorch_model.bin"
    path.write_bytes(path.read_bytes()[:5000])
    assert "cut short or corrupt" in refusal(folder)


class Trap:
    """Runs code where it is unpickled."""

    def __reduce__(self):
        return (Path("sprung").touch, ())


def test_a_pickle_that_holds_code_is_not_opened(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    folder = write_stable_diffusion(tmp_path / "bin", ending=".bin")
    path = folder / "unet/diffusion_pytorch_model.bin"
    torch.save({"conv_in.weight": Trap()}, path)
    assert "a pickle that holds more than tensors; it is not opened" in refusal(folder)
    path.write_bytes(pickle.dumps({"conv_in.weight": Trap()}, protocol=2))
    assert str(path) in refusal(folder)
    assert not Path("sprung").exists()


def test_a_pickle_in_the_guise_of_safetensors_is_corrupt(folder):
    (folder / UNET).write_bytes(pickle.dumps({"conv_in.weight": 1}))
    assert "cut short or corrupt" in refusal(folder)


def test_a_broken_config_is_named(folder):
    (folder / "unet/config.json").write_text("{")
    assert "unet/config.json cannot be read" in refusal(folder)


def test_a_missing_config_is_named(folder):
    (folder / "unet/config.json").unlink()
    assert "has no config.json for its unet" in refusal(folder)


@pytest.mark.parametrize("missing", ["vae/diffusion_pytorch_model.safetensors", "tokenizer/merges.txt"])
def test_a_missing_file_is_named(folder, missing):
    (folder / missing).unlink()
    assert missing.split("/")[0] in refusal(folder)


def test_shapes_that_agree_make_no_difference():
    assert shape_differences({"a": (1,)}, {"a": (1,)}) == ""


def test_tensors_come_one_by_one(folder):
    names = [name for name, _ in read_tensors(folder / UNET, "--prior-path")]
    assert len(names) == len(set(names)) > 100
