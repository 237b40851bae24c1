import math
from dataclasses import replace

import pytest
import torch
from jaxtyping import Float
from torch import Tensor

from dreamgaussian.core.errors import Diverged, EmptyResult
from dreamgaussian.core.gaussians import Gaussians
from dreamgaussian.meshing.field import NEGLIGIBLE, bounds, covariances
from meshing.shapes import density_field, shell_gaussians


def brute_force(gaussians: Gaussians, points: Float[Tensor, "p 3"], min_scale: float) -> Float[Tensor, " p"]:
    """The field as it is defined, in float64."""
    gaussians = gaussians.to(torch.float64)
    inverse = torch.linalg.inv(covariances(gaussians, min_scale))
    offsets = points.double()[:, None] - gaussians.means
    mahalanobis = torch.einsum("pni,nij,pnj->pn", offsets, inverse, offsets)
    return (gaussians.opacities * (-0.5 * mahalanobis).exp()).sum(dim=1)


def mixed_gaussians(count: int = 60) -> Gaussians:
    """Needles, discs and large blobs in every orientation."""
    generator = torch.Generator().manual_seed(3)
    return Gaussians(
        means=torch.rand(count, 3, generator=generator) - 0.5,
        log_scales=torch.empty(count, 3).uniform_(math.log(0.01), math.log(0.3), generator=generator),
        quats_wxyz=torch.randn(count, 4, generator=generator),
        opacity_logits=torch.empty(count).uniform_(-3, 4, generator=generator),
        sh=torch.zeros(count, 1, 3),
    )


@pytest.mark.parametrize("gaussians", [mixed_gaussians(), shell_gaussians(200)], ids=["mixed", "shell"])
def test_blocks_together_are_the_field_as_defined(gaussians: Gaussians):
    field = density_field(gaussians, 40)
    exact = brute_force(gaussians, field.points.view(-1, 3), 0.5 * field.spacing).view(field.density.shape)
    skipped = NEGLIGIBLE * len(gaussians)
    difference = field.density - exact
    assert float(difference.max()) < 1e-4
    assert float(difference.min()) > -skipped
    assert float(difference.abs().mean()) < 0.01 * skipped


def test_a_gaussian_over_many_blocks_is_cut_at_none():
    needle = Gaussians(
        means=torch.tensor([[0.013, 0.02, -0.01]]),
        log_scales=torch.tensor([[0.4, 0.02, 0.02]]).log(),
        quats_wxyz=torch.tensor([[0.9, 0.1, 0.3, 0.2]]),
        opacity_logits=torch.tensor([4.0]),
        sh=torch.zeros(1, 1, 3),
    )
    field = density_field(needle, 64)
    exact = brute_force(needle, field.points.view(-1, 3), 0.5 * field.spacing).view(field.density.shape)
    reached = exact > NEGLIGIBLE
    assert float((field.density - exact)[reached].abs().max()) < 1e-4


def test_the_outermost_points_are_empty():
    density = density_field(shell_gaussians(500), 48).density
    for axis in range(3):
        assert float(density.select(axis, 0).max()) < 0.01
        assert float(density.select(axis, -1).max()) < 0.01


def test_the_longest_side_has_the_asked_number_of_points():
    gaussians = mixed_gaussians()
    field = density_field(gaussians, 50)
    assert max(field.density.shape) in (50, 51)
    low, high = bounds(gaussians)
    assert bool((field.points[0, 0, 0] <= low).all())
    assert bool((field.points[-1, -1, -1] >= high).all())


def test_a_gaussian_thinner_than_a_cell_still_shows():
    sheet = replace(shell_gaussians(1), log_scales=torch.tensor([[-1.0, -1.0, -14.0]]))
    assert float(density_field(sheet, 32).density.max()) > 0.5


def test_invisible_gaussians_make_an_empty_result():
    with pytest.raises(EmptyResult, match="None of 10 Gaussians"):
        density_field(replace(shell_gaussians(10), opacity_logits=torch.full((10,), -9.0)), 128)


def test_gaussians_that_are_not_finite_are_refused():
    with pytest.raises(Diverged, match="not finite"):
        density_field(replace(shell_gaussians(10), means=torch.full((10, 3), torch.nan)), 128)
