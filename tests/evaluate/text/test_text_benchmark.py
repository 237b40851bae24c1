import torch

from dreamgaussian.evaluate.networks import LiteFeatures
from dreamgaussian.evaluate.text.kinds import SIDE, read_kinds
from dreamgaussian.evaluate.text.prompts import Prompt
from dreamgaussian.evaluate.text.text_benchmark import judge


def test_the_commonest_colour_of_the_pixels_is_named_and_the_kinds_are_ranked():
    views = torch.zeros(8, SIDE, SIDE, 4)
    views[:, 20:100, 20:100] = torch.tensor([0.8, 0.1, 0.1, 1.0])
    views[:, 20:40, 20:100] = torch.tensor([0.1, 0.1, 0.1, 1.0])
    result = judge(Prompt("a red box", "box", ("red",)), views, LiteFeatures(), read_kinds())
    assert result.color == "red"
    assert len(set(result.nearest)) == 5
    assert abs(result.opposite - 1) < 1e-4
