import imageio.v3 as iio
import numpy as np
import pytest
import torch

from dreamgaussian.cli.main import run
from dreamgaussian.config import RunConfig
from dreamgaussian.core.errors import WeightsUnavailable
from dreamgaussian.inputs.subject import Subject
from dreamgaussian.priors.check import FITS, check
from dreamgaussian.priors.registry import HUB_PRIORS, open_prior, prior_record
from dreamgaussian.priors.settings import PriorSettings
from dreamgaussian.runs.opening import open_run
from priors.tiny_checkpoints import write_multiview, write_tiny_encoder, write_zero123

CPU = torch.device("cpu")


def test_the_check_lists_files_compares_them_and_makes_an_image(tmp_path):
    folder = write_zero123(tmp_path / "zero123")
    image = tmp_path / "check.png"
    lines = list(check("zero123-xl", CPU, image, path=str(folder), offload=True, steps=2))
    size = (folder / "unet/diffusion_pytorch_model.safetensors").stat().st_size
    assert "licence of the weights: MIT" in lines[0]
    assert str(folder) in lines[1]
    assert any(f"{size / 1e6:,.1f} MB" in line and "unet/diffusion_pytorch_model.safetensors" in line for line in lines)
    assert any(line.startswith("In memory its weights take ") for line in lines)
    assert FITS in lines
    assert lines[-2] == "It should show a red apple, from azimuth 45 and 15 degrees above."
    assert str(image) in lines[-1]
    assert iio.imread(image).shape == (256, 256, 3)


def test_four_views_are_shown_side_by_side(tmp_path):
    image = tmp_path / "check.png"
    list(check("mvdream", CPU, image, path=str(write_multiview(tmp_path / "mvdream")), steps=1))
    assert iio.imread(image).shape == (256, 4 * 256, 3)


def test_the_check_says_which_view_is_the_images(tmp_path):
    folder = write_multiview(tmp_path / "imagedream", image_tokens=3)
    lines = list(check("imagedream", CPU, tmp_path / "check.png", path=str(folder), steps=1))
    assert any(line.startswith("Most like the image is the view at azimuth ") for line in lines)


def test_a_tiny_encoder_shows_its_image(tmp_path):
    folder, image = write_tiny_encoder(tmp_path / "taesd"), tmp_path / "check.png"
    lines = list(check("taesd", CPU, image, path=str(folder)))
    assert "licence of the weights: MIT" in lines[0]
    assert lines[-2] == FITS
    assert iio.imread(image).shape == (256, 256, 3)


@pytest.mark.parametrize("name", [*HUB_PRIORS, "sd3.5", "flux-schnell", "taesd", "taesdxl"])
def test_a_place_that_is_not_there_is_one_line_with_the_flag_of_the_check(name, capsys):
    assert run(["prior", "check", name, "--prior-path", "nowhere"]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("dreamgaussian: --prior-path nowhere is neither a folder")


def test_the_check_repeats(tmp_path):
    folder, images = write_zero123(tmp_path / "zero123"), [tmp_path / "a.png", tmp_path / "b.png"]
    for image in images:
        list(check("zero123", CPU, image, path=str(folder), steps=1, seed=3))
    assert np.array_equal(*(iio.imread(image) for image in images))


def test_without_the_libraries_the_extra_is_named(monkeypatch):
    monkeypatch.setattr("dreamgaussian.priors.from_hub.find_spec", lambda name: None if name == "diffusers" else 1)
    with pytest.raises(WeightsUnavailable, match=r"needs diffusers: pip install 'dreamgaussian\[hub\]'"):
        open_prior("zero123", Subject(), CPU)


@pytest.mark.parametrize("name", HUB_PRIORS)
def test_every_name_has_a_spec_without_weights(name):
    assert prior_record(name).spec.name == name


def test_a_run_without_weights_fails_before_its_image_is_looked_at(tmp_path):
    config = RunConfig(
        prior=(PriorSettings("zero123", path=str(tmp_path / "nowhere" / "at all")),), rasterizer="reference"
    )
    with pytest.raises(WeightsUnavailable, match="neither a folder"):
        open_run(tmp_path / "no-image.png", config)
