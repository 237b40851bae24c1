import pytest

from dreamgaussian.core.errors import ConfigError
from dreamgaussian.priors.settings import PriorSettings
from dreamgaussian.studio.server.forms import config_from_form
from dreamgaussian.studio.settings import StudioSettings


def test_the_page_chooses_a_prior_by_its_name():
    assert config_from_form({"prior": "zero123-xl"}, StudioSettings()).prior == (PriorSettings("zero123-xl"),)


@pytest.mark.parametrize("place", ["/etc", "./folder", "someone/model"])
def test_the_page_reaches_no_folder_and_no_hub_id(place):
    with pytest.raises(ConfigError, match="No prior is called"):
        config_from_form({"prior": place}, StudioSettings())
