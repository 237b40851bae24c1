import pytest

from dreamgaussian.errors import ConfigError
from dreamgaussian.prior_settings import PriorChoice
from dreamgaussian.studio.forms import config_from_form
from dreamgaussian.studio.settings import StudioSettings


def test_the_page_chooses_a_prior_by_its_name():
    assert config_from_form({"prior": "zero123-xl"}, StudioSettings()).prior == (PriorChoice("zero123-xl"),)


@pytest.mark.parametrize("place", ["/etc", "./folder", "someone/model"])
def test_the_page_reaches_no_folder_and_no_hub_id(place):
    with pytest.raises(ConfigError, match="No prior is called"):
        config_from_form({"prior": place}, StudioSettings())
