import dataclasses
import json
from dataclasses import replace

import pytest

from dreamgaussian.config import PRESETS, RENAMED, RunConfig, from_json, preset, read_run, to_json
from dreamgaussian.core.errors import ConfigError
from dreamgaussian.inputs.settings import PosedImage, SubjectSettings
from dreamgaussian.priors.registry import HUB_PRIORS
from dreamgaussian.priors.settings import PriorSettings


@pytest.mark.parametrize("name", PRESETS)
def test_presets_survive_json(name):
    assert from_json(json.loads(json.dumps(to_json(preset(name))))) == preset(name)


def test_every_setting_survives_json():
    """A config in which every number, flag and text differs from its default."""

    def other(value):
        if dataclasses.is_dataclass(value):
            changes = {}
            for field in dataclasses.fields(value):
                try:
                    changed = replace(value, **{field.name: other(getattr(value, field.name))})
                    changes[field.name] = getattr(changed, field.name)
                except ConfigError:
                    pass  # the neighbouring value is out of bounds
            return replace(value, **changes)
        return value * 1.01 if isinstance(value, float) else value

    config = other(RunConfig())
    assert config != RunConfig()
    assert from_json(json.loads(json.dumps(to_json(config)))) == config


def test_further_images_survive_json():
    views = (PosedImage("back.png", 180), PosedImage("top.png", 0, 80))
    config = RunConfig(subject=SubjectSettings(views=views))
    assert from_json(json.loads(json.dumps(to_json(config)))) == config


def test_paper_preset_holds_the_published_numbers():
    fit = preset("paper").fit
    assert (fit.steps, fit.initial_count, fit.initial_radius) == (500, 5000, 0.5)
    assert (fit.reference.color_weight, fit.reference.alpha_weight, fit.reference.size) == (10_000, 1_000, 256)
    assert (fit.distill.t_max, fit.distill.t_min, fit.distill.weighting) == (0.98, 0.02, "sigma_squared")
    assert (fit.density.every, fit.density.gradient_threshold, fit.density.clone_below) == (100, 0.5, 0.05)
    assert preset("code").fit.density.gradient_threshold == 0.01


def test_each_prior_has_the_weighting_of_the_paper_s_code():
    """1 - alpha_bar in its Stable Diffusion and Zero123 guidance, none in those of MVDream and ImageDream."""
    assert preset("code").fit.distill.weighting is None
    uniform = {name for name, record in HUB_PRIORS.items() if record.suggested.weighting == "uniform"}
    assert uniform == {"mvdream", "imagedream"}
    others = {record.suggested.weighting for name, record in HUB_PRIORS.items() if name not in uniform}
    assert others == {"sigma_squared"}


def test_missing_settings_keep_their_defaults():
    assert from_json({"seed": 3}) == replace(RunConfig(), seed=3)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"sed": 3}, r"No setting is called 'sed'\. There are: seed, "),
        ({"fit": {"stepps": 3}}, r"No setting is called 'fit.stepps'"),
        ({"seed": "3"}, r"The setting seed is '3', but should be int"),
        ({"seed": True}, r"The setting seed is True, but should be int"),
        ({"prior": [{"nam": "zero123"}]}, r"No setting is called 'prior.nam'"),
        ({"fit": 3}, r"The setting fit is 3, but should hold several settings"),
        ({"fit": {"steps": 0}}, r"fit.steps is 0. Give a whole number of at least 1"),
        ({"fit": {"distill": {"t_max": 1.5}}}, r"Give 0 < t_min <= t_max < 1"),
        ({"fit": {"distill": {"elevation_range_deg": [1]}}}, r"fit.distill.elevation_range_deg is \[1\], but should"),
        ({"subject": {"elevation_deg": 99}}, r"elevation_deg is 99"),
    ],
)
def test_wrong_settings_are_named(values, message):
    with pytest.raises(ConfigError, match=message):
        from_json(values)


def test_an_unknown_preset_lists_those_there_are():
    with pytest.raises(ConfigError, match=r"No preset is called 'papr'. There are: default, paper, code, quick."):
        preset("papr")


def test_a_broken_run_json_is_named(tmp_path):
    path = tmp_path / "run.json"
    with pytest.raises(ConfigError, match=r"run.json cannot be read \(No such file or directory\)"):
        read_run(path)
    path.write_text("{")
    with pytest.raises(ConfigError, match="is not JSON"):
        read_run(path)
    path.write_text("[]")
    with pytest.raises(ConfigError, match="holds no settings under 'config'"):
        read_run(path)


def test_what_was_said_once_for_all_priors_is_said_of_each():
    """`prior_path` and `roundness` in the records of an earlier release."""
    old = {"prior": [{"name": "zero123", "weight": 2.0}, {"name": "mini"}], "roundness": 0.3, "prior_path": None}
    expected = (PriorSettings("zero123", 2.0, roundness=0.3), PriorSettings("mini", roundness=0.3))
    assert from_json(old).prior == expected
    assert from_json({"roundness": 0.9}).prior == (PriorSettings(roundness=0.9),)
    old = {"prior": [{"name": "sdxl"}], "prior_path": "elsewhere", "roundness": 0.6}
    assert from_json(old).prior == (PriorSettings("sdxl", path="elsewhere"),)


@pytest.mark.parametrize(("old", "new"), RENAMED.items())
def test_records_of_an_earlier_release_are_understood(old, new):
    def nested(name, value):
        for part in reversed(name.split(".")):
            value = {part: value}
        return value

    def at(config, name):
        for part in name.split("."):
            config = getattr(config, part)
        return config

    value = at(RunConfig(), new)
    assert at(from_json(nested(old, value)), new) == value
    with pytest.raises(ConfigError, match="No setting is called"):
        from_json(nested(old + "x", value))
