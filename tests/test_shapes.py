"""The canary: if shapes were not checked in this run, these tests would fail."""

import numpy as np
import pytest
import torch

from dreamgaussian.core.gaussians import Gaussians
from dreamgaussian.inputs.matting import clean_alpha
from dreamgaussian.runs.preview import contact_sheet


def tensors(n: int = 5) -> dict[str, torch.Tensor]:
    shapes = {"means": (n, 3), "log_scales": (n, 3), "quats_wxyz": (n, 4), "opacity_logits": (n,), "sh": (n, 1, 3)}
    return {name: torch.zeros(shape) for name, shape in shapes.items()}


def test_right_shapes_pass() -> None:
    Gaussians(**tensors())


@pytest.mark.parametrize(
    ("name", "wrong"),
    [
        ("means", torch.zeros(5, 2)),
        ("quats_wxyz", torch.zeros(5, 3)),
        ("opacity_logits", torch.zeros(5, 1)),
        ("opacity_logits", torch.zeros(4)),  # another n than the others
        ("sh", torch.zeros(5, 3)),
        ("means", torch.zeros(5, 3, dtype=torch.int64)),
        ("means", np.zeros((5, 3), np.float32)),
    ],
)
def test_a_wrong_shape_in_a_dataclass_fails(name: str, wrong: object) -> None:
    with pytest.raises(TypeError, match=name):
        Gaussians(**{**tensors(), name: wrong})  # type: ignore[arg-type]


def test_a_wrong_shape_in_a_function_fails() -> None:
    with pytest.raises(TypeError, match="alpha"):
        clean_alpha(np.zeros((4, 4, 1), np.float32))
    with pytest.raises(TypeError, match="input_image"):
        contact_sheet(torch.zeros(4, 4, 3), [], [])
