import json
import pickle
import shutil
from pathlib import Path

import pytest
import torch
from diffusers.models.transformers.transformer_flux import FluxTransformer2DModel
from safetensors.torch import load_file, save_file

from dreamgaussian.core.errors import WeightsUnavailable
from dreamgaussian.inputs.subject import Subject
from dreamgaussian.priors.checkpoint import DiffusersFolder, shape_differences
from dreamgaussian.priors.hub import locate
from dreamgaussian.priors.latent import load_latent_space, load_unet
from dreamgaussian.priors.published import published
from dreamgaussian.priors.registry import open_prior
from priors.tiny_checkpoints import write_flux, write_stable_diffusion

CPU = torch.device("cpu")
UNET = "unet/diffusion_pytorch_model.safetensors"


@pytest.fixture(scope="module")
def intact(tmp_path_factory) -> Path:
    return write_stable_diffusion(tmp_path_factory.mktemp("sd"))


@pytest.fixture
def folder(intact, tmp_path) -> Path:
    """A copy to be spoilt."""
    return shutil.copytree(intact, tmp_path / "sd")


def opened(folder: Path) -> DiffusersFolder:
    """The files, found and checked for being there."""
    return DiffusersFolder.fetched(locate(published("stable-diffusion"), str(folder)))


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
    assert opened(folder).located.weights["unet"].files == ("unet/diffusion_pytorch_model.fp16.safetensors",)


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


class Trap:
    """Runs code where it is unpickled."""

    def __reduce__(self):
        return (Path("sprung").touch, ())


def test_a_pickle_is_refused_unread(in_tmp_path):
    folder = write_stable_diffusion(in_tmp_path / "bin", ending=".bin")
    path = folder / "unet/diffusion_pytorch_model.bin"
    torch.save({"conv_in.weight": Trap()}, path)
    read_before = path.stat().st_atime_ns
    assert "it lacks unet/ (its .bin files are pickles" in refusal(folder)
    with pytest.raises(WeightsUnavailable, match=r"is not opened: only \.safetensors files are") as error:
        open_prior("stable-diffusion", Subject(prompt="a horse"), CPU, str(path))
    assert "\n" not in str(error.value)
    assert path.stat().st_atime_ns == read_before
    assert not Path("sprung").exists()


@pytest.mark.parametrize("part", ["evil.bin", "../evil.safetensors", "/tmp/evil.safetensors"])
def test_an_index_that_points_elsewhere_is_not_followed(tmp_path, part):
    """Two files: one of parts, and an index that a library would prefer to the whole file."""
    folder = write_flux(tmp_path / "flux")
    path = folder / "transformer/diffusion_pytorch_model.safetensors.index.json"
    index = json.loads(path.read_text())
    index["weight_map"]["x_embedder.weight"] = part
    path.write_text(json.dumps(index))
    checkpoint = DiffusersFolder.fetched(locate(published("flux-schnell"), str(folder)))
    with pytest.raises(WeightsUnavailable, match=f"points at {part}, which is no .safetensors file beside it"):
        checkpoint.load("transformer", FluxTransformer2DModel, dtype=torch.bfloat16, device=CPU)


def test_an_adapter_beside_the_weights_is_not_followed(folder):
    (folder / "text_encoder/adapter_config.json").write_text('{"base_model_name_or_path": "some/where"}')
    assert "holds an adapter (adapter_config.json), which is not read" in refusal(folder)


def test_code_beside_the_weights_is_not_run(folder, in_tmp_path):
    for name in ("unet", "text_encoder"):
        path = folder / name / "config.json"
        told = {"auto_map": {"AutoModel": "evil.Evil"}, "_class_name": ["evil", "Evil"]}
        path.write_text(json.dumps({**json.loads(path.read_text()), **told}))
        (folder / name / "evil.py").write_text("from pathlib import Path; Path('sprung').touch()")
    open_prior("stable-diffusion", Subject(prompt="a horse"), CPU, str(folder))
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
