import math

import pytest
import torch

from dreamgaussian.core.gaussians import SH_C0, Gaussians


def some_gaussians(n: int = 6, degree: int = 1) -> Gaussians:
    generator = torch.Generator().manual_seed(0)
    shapes = {"means": (3,), "log_scales": (3,), "quats_wxyz": (4,), "opacity_logits": (), "sh": ((degree + 1) ** 2, 3)}
    return Gaussians(**{name: torch.randn(n, *shape, generator=generator) for name, shape in shapes.items()})


def ball(count: int = 20_000, radius: float = 0.5, seed: int = 0) -> Gaussians:
    return Gaussians.in_ball(count, radius, torch.Generator().manual_seed(seed))


def test_the_start_is_uniform_in_the_ball() -> None:
    distances = ball().means.norm(dim=-1) / 0.5
    assert distances.max() <= 1
    for quantile in (0.1, 0.5, 0.9):  # the volume inside r grows as r cubed
        assert (distances < quantile ** (1 / 3)).float().mean() == pytest.approx(quantile, abs=0.01)
    assert ball().means.mean(dim=0).abs().max() < 0.01


def test_the_start_is_grey_round_and_faint() -> None:
    start = ball(100)
    torch.testing.assert_close(start.base_colors, torch.full((100, 3), 0.5))
    torch.testing.assert_close(start.opacities, torch.full((100,), 0.1))
    assert (start.scales == start.scales[0, 0]).all()
    torch.testing.assert_close(start.quats_wxyz, torch.tensor([1.0, 0, 0, 0]).repeat(100, 1))


def test_the_start_is_about_as_wide_as_the_distance_to_the_neighbours() -> None:
    start = ball(3_000)
    distances = torch.cdist(start.means, start.means).fill_diagonal_(math.inf).min(dim=1).values
    assert float(start.scales[0, 0]) == pytest.approx(float(distances.mean()), rel=0.1)


def test_the_same_seed_gives_the_same_start() -> None:
    assert torch.equal(ball(50, seed=3).means, ball(50, seed=3).means)
    assert not torch.equal(ball(50, seed=3).means, ball(50, seed=4).means)


@pytest.mark.parametrize("degree", [0, 1, 2, 3])
def test_the_degree_follows_from_the_coefficients(degree: int) -> None:
    assert some_gaussians(degree=degree).sh_degree == degree


def test_activations_invert_the_stored_parameters() -> None:
    gaussians = some_gaussians()
    torch.testing.assert_close(gaussians.scales.log(), gaussians.log_scales)
    torch.testing.assert_close(gaussians.opacities.logit(), gaussians.opacity_logits)
    colored = Gaussians(**{**gaussians.tensors(), "sh": torch.full((6, 1, 3), (0.8 - 0.5) / SH_C0)})
    torch.testing.assert_close(colored.base_colors, torch.full((6, 3), 0.8))


def test_colours_are_never_negative() -> None:
    dark = Gaussians(**{**some_gaussians().tensors(), "sh": torch.full((6, 1, 3), -9.0)})
    assert (dark.base_colors == 0).all()


def test_picking_keeps_the_tensors_in_step() -> None:
    gaussians = some_gaussians()
    picked = gaussians[torch.tensor([4, 1, 1])]
    assert len(picked) == 3
    for name in Gaussians.names():
        assert torch.equal(getattr(picked, name), getattr(gaussians, name)[[4, 1, 1]])
    assert len(gaussians[torch.arange(6) % 2 == 0]) == 3


def test_joining_undoes_splitting() -> None:
    gaussians = some_gaussians()
    joined = Gaussians.concatenate([gaussians[torch.arange(2)], gaussians[torch.arange(2, 6)]])
    assert all(torch.equal(a, b) for a, b in zip(joined.tensors().values(), gaussians.tensors().values(), strict=True))


def test_zip_map_pairs_tensors_of_the_same_name() -> None:
    gaussians = some_gaussians()
    nothing = gaussians.zip_map(torch.sub, gaussians)
    assert all((tensor == 0).all() for tensor in nothing.tensors().values())


def test_a_detached_copy_shares_nothing() -> None:
    gaussians = some_gaussians().map(lambda tensor: tensor.requires_grad_())
    copy = gaussians.detach()
    assert not any(tensor.requires_grad for tensor in copy.tensors().values())
    copy.means.zero_()
    assert gaussians.means.abs().sum() > 0


def test_to_changes_every_tensor() -> None:
    assert {tensor.dtype for tensor in some_gaussians().to(torch.float64).tensors().values()} == {torch.float64}


def test_gaussians_at_points_show_their_colors_and_close_the_surface() -> None:
    line = torch.arange(10.0) * 0.05
    points = torch.cartesian_prod(line, line, torch.zeros(1))
    colors = torch.rand(100, 3, generator=torch.Generator().manual_seed(0))
    gaussians = Gaussians.at_points(points, colors, opacity=0.4)
    assert torch.equal(gaussians.means, points)
    assert torch.allclose(gaussians.base_colors, colors, atol=1e-6)
    assert torch.allclose(gaussians.opacities, torch.tensor(0.4))
    inner = gaussians.scales[11 * 4]
    assert torch.allclose(inner, torch.tensor(0.7 * 0.05), atol=1e-6)  # the nearest neighbours are a step away
