import pytest
import torch

from dreamgaussian.core.axes import Axes
from dreamgaussian.core.errors import ConfigError


def test_our_own_axes_turn_nothing():
    assert Axes().rows == ((1, 0, 0), (0, 1, 0), (0, 0, 1))


@pytest.mark.parametrize("up", ["x+", "x-", "y+", "y-", "z+", "z-"])
@pytest.mark.parametrize("front", ["x+", "x-", "y+", "y-", "z+", "z-"])
def test_up_comes_to_lie_along_y_and_the_front_along_z_without_mirroring(up, front):
    if up[0] == front[0]:
        with pytest.raises(ConfigError, match="along one axis"):
            Axes(up, front)
        return
    turn = torch.tensor(Axes(up, front).rows).float()
    for axis, ours in ((up, [0.0, 1.0, 0.0]), (front, [0.0, 0.0, 1.0])):
        vector = torch.zeros(3)
        vector["xyz".index(axis[0])] = 1.0 if axis[1] == "+" else -1.0
        assert (turn @ vector).tolist() == ours
    assert float(torch.linalg.det(turn)) == pytest.approx(1)
