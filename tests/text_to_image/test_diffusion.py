import pytest
import torch

from dreamgaussian.core.errors import ConfigError, WeightsUnavailable
from dreamgaussian.priors.settings import HubSettings
from dreamgaussian.text_to_image import open_painter
from dreamgaussian.text_to_image.diffusion import DiffusionPainter
from priors.tiny_checkpoints import write_stable_diffusion

CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def painter(tmp_path_factory) -> DiffusionPainter:
    folder = write_stable_diffusion(tmp_path_factory.mktemp("sd"))
    painter = open_painter("stable-diffusion-1.5", CPU, HubSettings(painter_path=str(folder)))
    assert isinstance(painter, DiffusionPainter)
    return DiffusionPainter(painter.name, CPU, painter.settings, steps=1)


def test_it_paints_the_words_front(painter):
    painting = painter("a cup", "blurry", torch.Generator().manual_seed(0))
    assert painting.image.rgba.shape == (512, 512, 4)
    assert painting.image.rgba[..., 3].min() == 1
    assert painting.facts["prompt"].startswith("a cup, one whole object")


def test_equal_seeds_paint_equal_images(painter):
    first, again = (painter("a cup", "", torch.Generator().manual_seed(4)).image.rgba for _ in range(2))
    assert (first == again).all()


def test_what_cannot_be_had_is_named_with_the_painters_own_flags(painter):
    with pytest.raises(WeightsUnavailable, match=r"^--hub\.painter-path nowhere is neither"):
        open_painter("sdxl", CPU, HubSettings(painter_path="nowhere"))
    settings = HubSettings(painter_path=painter.settings.painter_path, painter_lora=("nowhere",))
    with pytest.raises(ConfigError, match=r"^--hub\.painter-lora nowhere: there is no"):
        open_painter("stable-diffusion-1.5", CPU, settings)
