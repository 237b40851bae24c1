from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch

from dreamgaussian.core.image import (
    EQUAL_DB,
    linear_to_srgb,
    on_white,
    over,
    premultiply,
    psnr,
    srgb_to_linear,
    to_float,
    to_uint8,
    unpremultiply,
)

KINDS = pytest.mark.parametrize("kind", [np.asarray, torch.as_tensor])
Kind = Callable[[Any], Any]


@KINDS
def test_numbers_become_the_nearest_bytes_and_bytes_come_back(kind: Kind) -> None:
    image = kind(np.array([-0.2, 0.0, 0.5, 100.4 / 255, 100.6 / 255, 1.0, 1.7], dtype=np.float32))
    assert to_uint8(image).tolist() == [0, 0, 128, 100, 101, 255, 255]
    levels = np.arange(256, dtype=np.uint8)
    assert np.array_equal(to_uint8(kind(to_float(levels))), levels)


def test_bytes_are_taken_of_a_tensor_that_needs_gradients() -> None:
    assert to_uint8(torch.ones(2, requires_grad=True)).tolist() == [255, 255]


@KINDS
def test_linear_light_is_that_of_the_standard_and_comes_back(kind: Kind) -> None:
    srgb = kind(np.array([0.0, 0.04, 0.5, 1.0]))  # either side of the curve's linear part, which ends at 0.04045
    linear = srgb_to_linear(srgb)
    assert linear.tolist() == pytest.approx([0.0, 0.04 / 12.92, 0.21404114, 1.0])
    assert linear_to_srgb(linear).tolist() == pytest.approx(srgb.tolist())
    assert linear_to_srgb(kind(np.array([-0.1]))).tolist() == pytest.approx([-1.292])


@KINDS
def test_premultiplied_colours_come_back_where_there_is_alpha(kind: Kind) -> None:
    straight = kind(np.array([[0.5, 1.0, 0.25, 0.5], [0.5, 0.5, 0.5, 0.0]]))
    image = premultiply(straight)
    assert image.tolist() == [[0.25, 0.5, 0.125, 0.5], [0, 0, 0, 0]]
    assert unpremultiply(image).tolist() == [[0.5, 1.0, 0.25, 0.5], [0, 0, 0, 0]]
    assert unpremultiply(kind(np.array([0.3, 0.0, 0.01, 0.1])), min_alpha=0.2).tolist() == pytest.approx(
        [1, 0, 0.05, 0.1]
    )


def test_gradients_pass_through_alpha_in_both_directions() -> None:
    rgba = torch.rand(3, 4, dtype=torch.float64, generator=torch.Generator().manual_seed(0)) * 0.5 + 0.25
    assert torch.autograd.gradcheck(premultiply, rgba.requires_grad_())
    assert torch.autograd.gradcheck(lambda image: unpremultiply(premultiply(image)), rgba)


@KINDS
def test_premultiplied_views_are_composited(kind: Kind) -> None:
    view = kind(np.array([[[0.25, 0.0, 0.0, 0.5]]]))
    assert on_white(view).tolist() == [[[0.75, 0.5, 0.5]]]
    assert over(view, kind(np.array([0.0, 1.0, 0.5]))).tolist() == [[[0.25, 0.5, 0.25]]]


@KINDS
def test_psnr_is_taken_per_image(kind: Kind) -> None:
    truth = np.zeros((2, 4, 4, 3), dtype=np.float32)
    ours = truth + np.array([0.1, 0.01], dtype=np.float32)[:, None, None, None]
    ours, truth = kind(ours), kind(truth)
    assert psnr(ours[0], truth[0]) == pytest.approx(20.0, abs=1e-4)
    assert psnr(ours, truth) == pytest.approx(30.0, abs=1e-4)
    assert psnr(truth, truth) == EQUAL_DB
