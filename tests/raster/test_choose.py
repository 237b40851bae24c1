import logging

import pytest
import torch

from dreamgaussian.core.errors import ConfigError
from dreamgaussian.raster import choose_rasterizer

CPU = torch.device("cpu")


def test_an_unknown_name_is_an_error_that_lists_the_known_ones() -> None:
    with pytest.raises(ConfigError, match=r"'gpu'.*auto, reference, cpu, cuda"):
        choose_rasterizer("gpu", CPU)


def test_auto_says_what_it_chose(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO):
        rasterizer = choose_rasterizer("auto", CPU)
    assert rasterizer.name in caplog.text


def test_reference_is_always_there() -> None:
    assert choose_rasterizer("reference", CPU).name == "reference"
