"""A folder's or hub id's prior is told by its files; the configs are those that the manifests cite."""

import json
from pathlib import Path

import pytest
import torch

from dreamgaussian.core.errors import ConfigError, WeightsUnavailable
from dreamgaussian.inputs.subject import Subject
from dreamgaussian.priors.hub import recognise
from dreamgaussian.priors.published import PUBLISHED
from dreamgaussian.priors.registry import HUB_PRIORS, open_prior, prior_record
from priors.hub_server import Hub, running
from priors.manifest import components
from priors.tiny_checkpoints import write_sdxl


def published(folder: Path, name: str) -> Path:
    """The names of a prior's files, with the published configs and nothing else in them."""
    for component, part in components(name).items():
        place = folder / PUBLISHED[name].folders[component][0]
        place.mkdir(parents=True)
        (place / "config.json").write_text(json.dumps(part.config))
    return folder


@pytest.mark.parametrize("name", sorted(HUB_PRIORS.keys() - {"zero123"}))
def test_every_prior_is_known_by_its_files(name, tmp_path):
    assert recognise(str(published(tmp_path / name, name))) == name


def test_zero123_has_the_files_of_zero123_xl(tmp_path):
    """They differ in nothing but the weights' values, and are used alike."""
    assert recognise(str(published(tmp_path / "zero123", "zero123"))) == "zero123-xl"


@pytest.mark.usefixtures("hub_cache")
def test_a_hub_id_is_known_by_its_files(tmp_path):
    with running(Hub({"someone/dream": published(tmp_path / "dream", "mvdream")})) as hub:
        assert recognise("someone/dream", hub.endpoint) == "mvdream"
        with pytest.raises(WeightsUnavailable, match=r"Tried someone/nothing \(no such repository"):
            recognise("someone/nothing", hub.endpoint)


def test_a_folder_is_opened_without_its_name(tmp_path):
    folder = str(write_sdxl(tmp_path / "sdxl"))
    assert prior_record(folder).spec == HUB_PRIORS["sdxl"].spec
    assert open_prior(folder, Subject(prompt="a horse"), torch.device("cpu")).spec.name == "sdxl"


def test_what_is_no_prior_is_named(tmp_path):
    (tmp_path / "notes").mkdir()
    (tmp_path / "notes/a.txt").write_text("")
    with pytest.raises(WeightsUnavailable, match=r"holds no prior that is known \(its folders: notes\)"):
        recognise(str(tmp_path))
    with pytest.raises(WeightsUnavailable, match=r"--prior ./nowhere is neither a folder nor a hub id"):
        recognise("./nowhere")
    with pytest.raises(ConfigError, match=r"No prior is called 'nowhere'"):
        prior_record("nowhere")
