import math
from dataclasses import replace

import pytest
import torch

from dreamgaussian.core.camera import Camera
from dreamgaussian.core.gaussians import Gaussians
from dreamgaussian.fitting.densify.default import (
    SPLIT_SHRINK,
    DensityStatistics,
    clone,
    densify_and_prune,
    grow_mask,
    prune,
    prune_mask,
    reset_opacities,
    split,
)
from dreamgaussian.fitting.densify.settings import DensitySettings
from dreamgaussian.fitting.optimizer import AdamMoments
from dreamgaussian.raster.reference import ReferenceRasterizer

SETTINGS = DensitySettings()


@pytest.fixture
def scene() -> tuple[Gaussians, AdamMoments]:
    generator = torch.Generator().manual_seed(0)
    gaussians = Gaussians.in_ball(10, 0.5, generator)
    gaussians = replace(gaussians, log_scales=torch.full((10, 3), math.log(0.02)))
    moments = AdamMoments(gaussians.map(torch.ones_like), gaussians.map(lambda tensor: torch.full_like(tensor, 2)))
    return gaussians, moments


def chosen(*indices: int) -> torch.Tensor:
    mask = torch.zeros(10, dtype=torch.bool)
    mask[list(indices)] = True
    return mask


def assert_same(a: Gaussians, b: Gaussians) -> None:
    for name in Gaussians.names():
        torch.testing.assert_close(getattr(a, name), getattr(b, name), msg=name)


def test_cloning_appends_equal_gaussians_without_momentum(scene):
    gaussians, moments = clone(*scene, chosen(2, 5))
    assert len(gaussians) == 12
    assert_same(gaussians[torch.tensor([10, 11])], scene[0][torch.tensor([2, 5])])
    assert all((tensor[10:] == 0).all() for tensor in moments.first.tensors().values())
    assert all((tensor[:10] == 1).all() for tensor in moments.first.tensors().values())


def test_splitting_keeps_the_centroid_and_narrows(scene):
    gaussians, moments = split(*scene, chosen(3), torch.Generator().manual_seed(1))
    assert len(gaussians) == len(moments.first) == 11
    halves = gaussians[torch.tensor([9, 10])]
    torch.testing.assert_close(halves.means.mean(dim=0), scene[0].means[3])
    torch.testing.assert_close(halves.scales, torch.full((2, 3), 0.02 / SPLIT_SHRINK))
    assert (halves.means[0] - halves.means[1]).norm() > 1e-3


def test_split_offsets_follow_the_gaussian_s_own_axes(scene):
    gaussians, moments = scene
    long_x_turned_to_y = replace(
        gaussians,
        log_scales=torch.tensor([0.0, -20.0, -20.0]).repeat(10, 1),
        quats_wxyz=torch.tensor([math.sqrt(0.5), 0, 0, math.sqrt(0.5)]).repeat(10, 1),
    )
    halves, _ = split(long_x_turned_to_y, moments, chosen(*range(10)), torch.Generator().manual_seed(1))
    offsets = halves.means[:10] - halves.means[10:]
    assert offsets[:, [0, 2]].abs().max() < 1e-6
    assert offsets[:, 1].abs().max() > 0.5


def test_pruning_removes_from_all_alike(scene):
    gaussians, moments = prune(*scene, chosen(0, 9))
    assert_same(gaussians, scene[0][torch.arange(1, 9)])
    assert len(moments.first) == len(moments.second) == 8


def test_faint_and_huge_gaussians_are_pruned_and_no_others(scene):
    gaussians, _ = scene
    logits, scales = gaussians.opacity_logits.clone(), gaussians.log_scales.clone()
    logits[1] = math.log(0.005)
    scales[2, 1] = math.log(SETTINGS.max_scale * 1.01)
    mask = prune_mask(replace(gaussians, opacity_logits=logits, log_scales=scales), SETTINGS)
    assert mask.nonzero().flatten().tolist() == [1, 2]


def test_opacity_reset_lowers_and_forgets(scene):
    gaussians, moments = reset_opacities(*scene, 0.05)
    torch.testing.assert_close(gaussians.opacities, torch.full((10,), 0.05))
    assert (moments.first.opacity_logits == 0).all()
    assert (moments.second.opacity_logits == 0).all()
    assert (moments.first.means == 1).all()
    untouched, _ = reset_opacities(*scene, 0.5)
    torch.testing.assert_close(untouched.opacities, scene[0].opacities)


def test_every_rendered_view_counts(scene):
    gaussians = scene[0].map(lambda tensor: tensor.requires_grad_())
    renders = [ReferenceRasterizer().render(gaussians, Camera.orbit(azimuth, 0, 16)) for azimuth in (0, 90)]
    sum((render.color * torch.linspace(0, 1, 16)[:, None, None]).sum() for render in renders).backward()
    one = DensityStatistics.zeros(gaussians).observed(renders[0])
    both = one.observed(renders[1])
    assert (one.view_count == 1).all()
    assert (both.view_count == 2).all()
    expected = sum((render.screen_means.grad * 8).norm(dim=-1) for render in renders)
    torch.testing.assert_close(both.gradient_sum, expected)
    torch.testing.assert_close(both.mean_gradient, expected / 2)


def test_a_threshold_or_a_share_decides_who_grows(scene):
    statistics = DensityStatistics(torch.arange(10.0), torch.ones(10))
    by_threshold = grow_mask(statistics, replace(SETTINGS, gradient_threshold=6.5))
    assert by_threshold.nonzero().flatten().tolist() == [7, 8, 9]
    by_share = grow_mask(statistics, replace(SETTINGS, grow_share=0.2))
    assert by_share.nonzero().flatten().tolist() == [8, 9]
    assert not grow_mask(statistics, replace(SETTINGS, max_count=10)).any()
    assert int(grow_mask(statistics, replace(SETTINGS, max_count=11, grow_share=0.5)).sum()) == 1


def test_a_round_clones_the_small_and_splits_the_large(scene):
    gaussians, moments = scene
    scales = gaussians.log_scales.clone()
    scales[9] = math.log(0.08)
    gaussians = replace(gaussians, log_scales=scales)
    statistics = DensityStatistics(torch.arange(10.0), torch.ones(10))
    after, after_moments = densify_and_prune(
        gaussians, moments, statistics, replace(SETTINGS, grow_share=0.2), torch.Generator().manual_seed(0)
    )
    assert len(after) == len(after_moments.first) == 12  # 8 is cloned; 9 makes way for its two halves
    assert after.scales.max().item() == pytest.approx(0.08 / SPLIT_SHRINK)
