import pytest

from dreamgaussian.cli.main import parse
from dreamgaussian.config import RunConfig, from_json, to_json
from dreamgaussian.core.errors import ConfigError
from dreamgaussian.priors.settings import PriorSettings


@pytest.mark.parametrize(
    ("words", "choice"),
    [
        ("zero123-xl", PriorSettings("zero123-xl")),
        ("stable-diffusion:0.1", PriorSettings("stable-diffusion", 0.1)),
        ("someone/her-model", PriorSettings("someone/her-model")),
        ("./folder:2", PriorSettings("./folder", 2.0)),
        ("C:/models/sd", PriorSettings("C:/models/sd")),
    ],
)
def test_a_choice_is_read_and_written(words, choice):
    assert PriorSettings.parse(words) == choice
    assert PriorSettings.parse(str(choice)) == choice


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ("mini:0", r"The weight of the prior mini is 0\. Give a number above 0"),
        ("mini:nan", r"The weight of the prior mini is nan"),
    ],
)
def test_a_wrong_choice_is_named(words, message):
    with pytest.raises(ConfigError, match=message):
        PriorSettings.parse(words)


def test_priors_are_given_one_by_one_and_come_back_from_run_json():
    command = parse(["image", "x.png", "--prior", "zero123-xl:1", "--prior", "stable-diffusion:0.1"])
    config = command.resolved()
    assert config.prior == (PriorSettings("zero123-xl"), PriorSettings("stable-diffusion", 0.1))
    assert from_json(to_json(config)) == config
    assert not config.goes_by_image


def test_the_embedded_prior_is_the_default():
    assert parse(["image", "x.png"]).resolved().prior == (PriorSettings("mini"),)
    assert RunConfig().goes_by_image


@pytest.mark.parametrize("words", ["zero124", "zero124:0.5"])
def test_an_unknown_name_is_told_before_any_work(words):
    command = parse(["image", "x.png", "--prior", words])
    expected = r"No prior is called 'zero124'\. There are: mini, zero123, .*; or give a hub id \(owner/name\)"
    with pytest.raises(ConfigError, match=expected):
        command.resolved()


def test_a_path_goes_with_one_prior():
    arguments = ["image", "x.png", "--prior-path", "elsewhere", "--prior", "zero123"]
    assert parse(arguments).resolved().prior == (PriorSettings("zero123", path="elsewhere"),)
    with pytest.raises(ConfigError, match="Give each one's folder or hub id with --prior"):
        parse([*arguments, "--prior", "stable-diffusion"]).resolved()


def test_a_path_goes_with_a_name():
    with pytest.raises(ConfigError, match=r"not with \./folder\. Give the folder or hub id itself with --prior"):
        PriorSettings("./folder", path="elsewhere")


def test_roundness_is_that_of_all_priors_of_the_flags():
    assert parse(["image", "x.png", "--roundness", "1.2"]).resolved().prior == (PriorSettings(roundness=1.2),)
    with pytest.raises(ConfigError, match=r"roundness is 2\. Give a number from 0 to 1.5"):
        PriorSettings(roundness=2.0)
