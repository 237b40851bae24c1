import pytest
import torch

from dreamgaussian.core.errors import ConfigError, WeightsUnavailable
from dreamgaussian.priors.settings import HubSettings
from dreamgaussian.text_to_image import open_text_to_image
from dreamgaussian.text_to_image.diffusion import DiffusionTextToImage
from priors.tiny_checkpoints import write_stable_diffusion

CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def model(tmp_path_factory) -> DiffusionTextToImage:
    folder = write_stable_diffusion(tmp_path_factory.mktemp("sd"))
    model = open_text_to_image("stable-diffusion-1.5", CPU, HubSettings(text_to_image_path=str(folder)))
    assert isinstance(model, DiffusionTextToImage)
    return DiffusionTextToImage(model.name, CPU, model.settings, steps=1)


def test_it_makes_the_words_front(model):
    generated = model("a cup", "blurry", torch.Generator().manual_seed(0))
    assert generated.image.rgba.shape == (512, 512, 4)
    assert generated.image.rgba[..., 3].min() == 1
    assert generated.metadata["prompt"].startswith("a cup, one whole object")


def test_equal_seeds_make_equal_images(model):
    first, again = (model("a cup", "", torch.Generator().manual_seed(4)).image.rgba for _ in range(2))
    assert (first == again).all()


def test_what_cannot_be_had_is_named_with_the_models_own_flags(model):
    with pytest.raises(WeightsUnavailable, match=r"^--hub\.text-to-image-path nowhere is neither"):
        open_text_to_image("sdxl", CPU, HubSettings(text_to_image_path="nowhere"))
    settings = HubSettings(text_to_image_path=model.settings.text_to_image_path, text_to_image_lora=("nowhere",))
    with pytest.raises(ConfigError, match=r"^--hub\.text-to-image-lora nowhere: there is no"):
        open_text_to_image("stable-diffusion-1.5", CPU, settings)
