import pytest

from dreamgaussian.core.errors import ConfigError
from dreamgaussian.meshing.settings import MeshSettings


@pytest.mark.parametrize(
    "wrong",
    [
        {"resolution": 4},
        {"density": 0.0},
        {"opening": -1},
        {"smoothing_steps": -1},
        {"faces": 3},
        {"texture_size": 1},
        {"displacement_width": -1.0},
    ],
)
def test_settings_that_cannot_work_are_refused_by_name(wrong: dict[str, float]):
    (name,) = wrong
    with pytest.raises(ConfigError, match=f"mesh.{name}"):
        MeshSettings(**wrong)
