"""The scores, on values worked out by hand."""

import math

import numpy as np
import pytest
import torch

from dreamgaussian.core.errors import WeightsUnavailable
from dreamgaussian.core.mesh import Mesh
from dreamgaussian.evaluate.metrics import (
    Networks,
    ViewJudge,
    compare_points,
    iou,
    score_shape,
    shrink,
    ssim,
)
from dreamgaussian.evaluate.networks import StLpips, read_package_weights
from dreamgaussian.evaluate.surface_points import sample_surface


def test_ssim_of_two_flat_images_is_their_luminance_term():
    a, b, c1 = 0.4, 0.6, 0.01**2
    expected = (2 * a * b + c1) / (a * a + b * b + c1)
    assert ssim(torch.full((16, 16, 3), a), torch.full((16, 16, 3), b)) == pytest.approx(expected, abs=1e-5)


def test_iou_counts_pixels_above_a_half():
    ours = torch.tensor([[1.0, 0.6, 0.5, 0.0]])
    truth = torch.tensor([[1.0, 0.0, 0.9, 0.0]])
    assert iou(ours, truth) == pytest.approx(1 / 3)


def test_iou_of_two_empty_silhouettes_is_one():
    assert iou(torch.zeros(3, 3), torch.zeros(3, 3)) == 1


def test_views_are_shrunk_by_averaging_squares():
    view = torch.arange(16.0).view(1, 4, 4, 1).expand(1, 4, 4, 4)
    assert shrink(view, 2)[0, ..., 0].tolist() == [[2.5, 4.5], [10.5, 12.5]]


def test_chamfer_and_f_score_of_two_pairs_of_points():
    ours = np.array([[0.0, 0, 0], [1, 0, 0]])
    truth = np.array([[0.0, 0, 0.04], [1, 0, 0.3], [1, 0, 0.1]])
    scores = compare_points(ours, truth)
    ours_to_truth, truth_to_ours = (0.04 + 0.1) / 2, (0.04 + 0.3 + 0.1) / 3
    assert scores.chamfer == pytest.approx((ours_to_truth + truth_to_ours) / 2)
    precision, recall = 1 / 2, 1 / 3
    assert scores.f_score == pytest.approx(2 * precision * recall / (precision + recall))


def test_f_score_of_shapes_that_are_far_apart_is_zero():
    assert compare_points(np.zeros((2, 3)), np.ones((2, 3))).f_score == 0


def test_a_mesh_of_the_true_surface_scores_a_chamfer_of_the_points_spacing():
    square = Mesh(torch.tensor([[0.0, 0, 0], [1, 0, 0], [1, 1, 0], [0, 1, 0]]), torch.tensor([[0, 1, 2], [0, 2, 3]]))
    grid = np.stack(np.meshgrid(*[(np.arange(100) + 0.5) / 100] * 2, [0.0]), axis=-1).reshape(-1, 3)
    scores = score_shape(square, grid.astype(np.float32))
    assert scores.f_score == 1
    assert scores.chamfer < 0.006


def test_surface_points_are_spread_by_area():
    vertices = np.array([[0.0, 0, 0], [1, 0, 0], [0, 1, 0], [5, 0, 0], [8, 0, 0], [5, 1, 0]])
    points, faces, weights = sample_surface(vertices, np.array([[0, 1, 2], [3, 4, 5]]), 400, np.random.default_rng(0))
    assert np.bincount(faces).tolist() == pytest.approx([100, 300], abs=1)
    assert np.allclose(weights.sum(axis=1), 1)
    assert (weights >= 0).all()
    assert np.allclose(points[faces == 0].mean(axis=0), [1 / 3, 1 / 3, 0], atol=0.05)


def test_the_judge_prefers_a_shifted_image_to_a_blurred_one_where_psnr_does_not():
    rows = torch.linspace(0, 40 * math.pi, 128)
    stripes = (0.5 + 0.5 * torch.sin(rows))[:, None, None].expand(128, 128, 3)
    truth = torch.cat([stripes, torch.ones(128, 128, 1)], dim=-1)[None]
    shifted = torch.roll(truth, 2, dims=1)
    flat = torch.cat([torch.full((1, 128, 128, 3), 0.5), torch.ones(1, 128, 128, 1)], dim=-1)
    judge = ViewJudge(Networks.load(), truth)
    near, dull, same = judge.score(shifted), judge.score(flat), judge.score(truth)
    assert near.psnr < dull.psnr
    assert near.st_lpips < dull.st_lpips
    assert near.features > dull.features
    assert (same.st_lpips, same.iou) == (0, 1)
    assert same.features == pytest.approx(1, abs=1e-5)


def test_st_lpips_agrees_with_the_authors_package():
    """0.1358010173 is what stlpips-pytorch 0.0.2 itself gives for these two images."""
    rows, columns = torch.meshgrid(torch.arange(96.0), torch.arange(96.0), indexing="ij")
    disc = ((rows - 48) ** 2 + (columns - 40) ** 2 < 900).float()
    one = torch.stack([disc * 0.8, disc * (rows / 96), 1 - disc * 0.5], dim=-1)[None]
    other = torch.stack([disc * 0.5, disc * (columns / 96), 1 - disc * 0.2], dim=-1)[None]
    metric = StLpips()
    assert metric.distances(metric.features(one), metric.features(other)).item() == pytest.approx(
        0.1358010173, rel=1e-4
    )


def test_a_missing_package_is_named_with_the_line_that_installs_it():
    with pytest.raises(WeightsUnavailable, match=r"no-such-package.*pip install 'dreamgaussian\[eval\]'"):
        read_package_weights("no-such-package", "weights.pth")


def test_a_package_without_the_weights_is_named():
    with pytest.raises(WeightsUnavailable, match="The package stlpips-pytorch"):
        read_package_weights("stlpips-pytorch", "no-such-file.pth")


def test_views_like_the_input_are_more_similar_to_it_than_others():
    rows, columns = torch.meshgrid(torch.arange(64.0), torch.arange(64.0), indexing="ij")
    disc = ((rows - 32) ** 2 + (columns - 32) ** 2 < 400).float()
    card = torch.stack([disc, 0 * disc, 0 * disc, disc], dim=-1)
    bars = (columns % 8 < 4).float()[..., None].expand(64, 64, 4)
    networks = Networks.load()
    same, other = (networks.reference_similarity(each.expand(2, 64, 64, 4), card) for each in (card, bars))
    assert same == pytest.approx(1, abs=1e-5)
    assert other < 0.9
