import pytest

from dreamgaussian.core.errors import ConfigError
from dreamgaussian.texture.settings import BakeSettings, RefineSettings


@pytest.mark.parametrize(
    "wrong", [{"view_size": 1}, {"cosine_power": -1.0}, {"input_strength": -1.0}, {"feather": 0.0}]
)
def test_bake_settings_that_cannot_work_are_refused_by_name(wrong: dict[str, float]):
    (name,) = wrong
    with pytest.raises(ConfigError, match=f"bake.{name}"):
        BakeSettings(**wrong)


@pytest.mark.parametrize(
    "wrong",
    [
        {"start_t": 1.0},
        {"end_t": 0.5},
        {"steps": -1},
        {"views": 0},
        {"denoise_steps": 0},
        {"inertia": 0.0},
        {"blur_px": -1.0},
    ],
)
def test_refine_settings_that_cannot_work_are_refused_by_name(wrong: dict[str, float]):
    (name,) = wrong
    with pytest.raises(ConfigError, match=rf"refine\..*{name}"):
        RefineSettings(**wrong)


def test_rounds_are_those_set_or_those_that_suit_the_prior():
    assert RefineSettings().rounds(10) == 10
    assert RefineSettings().rounds(0) == 0
    assert RefineSettings(steps=3).rounds(0) == 3
    assert RefineSettings(steps=0).rounds(10) == 0
