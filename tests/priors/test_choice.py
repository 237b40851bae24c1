import pytest

from dreamgaussian.cli.main import parse
from dreamgaussian.config import RunConfig, from_json, to_json
from dreamgaussian.core.errors import ConfigError
from dreamgaussian.priors.choice import PriorChoice


@pytest.mark.parametrize(
    ("words", "choice"),
    [
        ("zero123-xl", PriorChoice("zero123-xl")),
        ("stable-diffusion:0.1", PriorChoice("stable-diffusion", 0.1)),
        ("someone/her-model", PriorChoice("someone/her-model")),
        ("./folder:2", PriorChoice("./folder", 2.0)),
        ("C:/models/sd", PriorChoice("C:/models/sd")),
    ],
)
def test_a_choice_is_read_and_written(words, choice):
    assert PriorChoice.parse(words) == choice
    assert PriorChoice.parse(str(choice)) == choice


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ("zero124", r"No prior is called 'zero124'\. There are: mini, zero123, .*; or give a hub id \(owner/name\)"),
        ("zero124:0.5", r"No prior is called 'zero124'"),
        ("mini:0", r"The weight of the prior mini is 0\. Give a number above 0"),
        ("mini:nan", r"The weight of the prior mini is nan"),
    ],
)
def test_a_wrong_choice_is_named(words, message):
    with pytest.raises(ConfigError, match=message):
        PriorChoice.parse(words)


def test_priors_are_given_one_by_one_and_come_back_from_run_json():
    command = parse(["image", "x.png", "--prior", "zero123-xl:1", "--prior", "stable-diffusion:0.1"])
    config = command.resolved()
    assert config.prior == (PriorChoice("zero123-xl"), PriorChoice("stable-diffusion", 0.1))
    assert from_json(to_json(config)) == config
    assert not config.embedded


def test_the_embedded_prior_is_the_default():
    assert parse(["image", "x.png"]).resolved().prior == (PriorChoice("mini"),)
    assert RunConfig().embedded


@pytest.mark.parametrize("names", [("zero123", "stable-diffusion"), ("./folder",)])
def test_a_path_goes_with_one_named_prior(names):
    with pytest.raises(ConfigError, match="Give the folder or hub id itself with --prior"):
        RunConfig(prior=tuple(PriorChoice(name) for name in names), prior_path="elsewhere")
