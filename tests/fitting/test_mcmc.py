"""The MCMC densifier against the formulas of its paper (arXiv 2404.09591)."""

import math
from dataclasses import replace

import pytest
import torch

from dreamgaussian.core.camera import Camera
from dreamgaussian.core.errors import ConfigError
from dreamgaussian.core.gaussians import Gaussians
from dreamgaussian.fitting.densify.densifier import DensifyContext
from dreamgaussian.fitting.densify.mcmc import (
    McmcDensifier,
    grow,
    langevin_noise,
    relocate,
    replicate,
    shared_opacity,
)
from dreamgaussian.fitting.densify.settings import McmcSettings
from dreamgaussian.fitting.image_loss import outside_silhouette, reference_view
from dreamgaussian.fitting.loop import fit
from dreamgaussian.fitting.optimizer import AdamMoments
from dreamgaussian.fitting.settings import FitSettings, ReferenceSettings
from dreamgaussian.fitting.state import FitState
from dreamgaussian.inputs.subject import Subject
from dreamgaussian.raster.cpu import CpuRasterizer
from dreamgaussian.raster.reference import ReferenceRasterizer
from fitting.known_object import known_prior, known_subject, lobed_ball, psnr_at

MIN_OPACITY = 0.005


def generator() -> torch.Generator:
    return torch.Generator().manual_seed(0)


def scene(count: int = 10, opacity: float = 0.6) -> tuple[Gaussians, AdamMoments]:
    gaussians = Gaussians.in_ball(count, 0.5, generator(), opacity=opacity)
    return gaussians, AdamMoments(gaussians.map(torch.ones_like), gaussians.map(torch.ones_like))


def with_opacities(gaussians: Gaussians, opacities: list[float]) -> Gaussians:
    return replace(gaussians, opacity_logits=torch.tensor(opacities).logit())


@pytest.mark.parametrize("copies", [1, 2, 3, 10, 51])
@pytest.mark.parametrize("opacity", [0.01, 0.5, 0.9, 0.9999])
def test_copies_have_the_alpha_and_the_line_integral_of_the_original(opacity, copies):
    """Equation 9, by quadrature: alpha of N Gaussians in one place is 1 - (1 - o_N exp(-x^2 / 2 s_N^2))^N."""
    shared, ratio = shared_opacity(torch.tensor([opacity], dtype=torch.float64), torch.tensor([copies]))
    assert 1 - (1 - shared.item()) ** copies == pytest.approx(opacity, rel=1e-9)
    x = torch.linspace(-12, 12, 4001, dtype=torch.float64)
    together = 1 - (1 - shared * torch.exp(-0.5 * (x / ratio) ** 2)) ** copies
    assert together.mean().item() == pytest.approx((opacity * torch.exp(-0.5 * x**2)).mean().item(), rel=1e-6)


def test_a_render_of_copies_is_that_of_the_original():
    """At the centre exactly; over the whole image as nearly as one scale can keep the shape."""
    single = Gaussians(
        means=torch.zeros(1, 3),
        log_scales=torch.tensor([[0.2, 0.1, 0.15]]).log(),
        quats_wxyz=torch.tensor([[0.9, 0.1, 0.3, 0.2]]),
        opacity_logits=torch.tensor([0.8]).logit(),
        sh=torch.ones(1, 1, 3),
    )
    several, _ = replicate(single, AdamMoments.zeros(single), torch.zeros(5, dtype=torch.int64), MIN_OPACITY)
    before, after, stacked = (
        ReferenceRasterizer().render(gaussians, Camera.orbit(30, 20, 33)).alpha
        for gaussians in (single, several, single[torch.zeros(5, dtype=torch.int64)])
    )
    assert after[16, 16].item() == pytest.approx(before[16, 16].item(), abs=1e-5)
    assert (after - before).abs().sum() < 0.2 * (stacked - before).abs().sum()


def test_dead_gaussians_move_to_live_ones_by_their_opacity():
    gaussians, moments = scene(1000)
    opacities = [0.004] * 400 + [0.8] * 300 + [0.2] * 300
    gaussians = with_opacities(gaussians, opacities)
    dead = gaussians.opacities <= MIN_OPACITY
    moved, moved_moments = relocate(gaussians, moments, dead, MIN_OPACITY, generator())
    assert torch.equal(moved.means[400:], gaussians.means[400:])
    sources = (moved.means[:400, None] == gaussians.means).all(dim=-1).float().argmax(dim=1)
    assert (sources >= 400).all()
    assert int((sources < 700).sum()) == pytest.approx(320, abs=30)  # four of five, within four standard deviations
    touched = torch.zeros(1000, dtype=torch.bool)
    touched[:400] = True
    touched[sources] = True
    assert (moved_moments.first.means[touched] == 0).all()
    assert (moved_moments.first.means[~touched] == 1).all()
    assert torch.equal(moved.opacity_logits[~touched], gaussians.opacity_logits[~touched])
    total = torch.zeros(1000).index_add(
        0,
        torch.cat([torch.arange(400, 1000), sources]),
        -torch.log1p(-torch.cat([moved.opacities[400:], moved.opacities[:400]])),
    )
    torch.testing.assert_close(1 - torch.exp(-total[400:]), gaussians.opacities[400:], atol=1e-5, rtol=1e-5)


def test_where_all_are_dead_or_none_is_nothing_moves():
    gaussians, moments = scene()
    for dead in (torch.zeros(10, dtype=torch.bool), torch.ones(10, dtype=torch.bool)):
        assert relocate(gaussians, moments, dead, MIN_OPACITY, generator()) == (gaussians, moments)


def test_copies_are_never_dead_at_once():
    gaussians, moments = scene(1, opacity=0.1)
    copies, _ = replicate(gaussians, moments, torch.zeros(40, dtype=torch.int64), MIN_OPACITY)
    torch.testing.assert_close(copies.opacities, torch.full((40,), MIN_OPACITY))


def test_the_number_grows_by_a_share_up_to_the_cap():
    settings = McmcSettings(growth=0.05, max_count=107)
    gaussians, moments = scene(100)
    counts = []
    for _ in range(4):
        gaussians, moments = grow(gaussians, moments, settings, generator())
        counts.append(len(gaussians))
        assert len(moments.first) == len(moments.second) == len(gaussians)
    assert counts == [105, 107, 107, 107]


def test_noise_has_the_shape_of_the_gaussian_and_spares_the_opaque():
    """Its covariance is Sigma², scaled by sigmoid(100 (0.005 - o))²."""
    count = 20_000
    one = Gaussians(
        means=torch.zeros(1, 3),
        log_scales=torch.tensor([[0.3, 0.1, 0.02]]).log(),
        quats_wxyz=torch.tensor([[0.8, 0.3, -0.4, 0.1]]),
        opacity_logits=torch.tensor([0.02]).logit(),
        sh=torch.zeros(1, 1, 3),
    )
    noise = langevin_noise(one[torch.zeros(count, dtype=torch.int64)], generator())
    axes = (one.rotations * one.scales[:, None])[0]
    gate = 1 / (1 + math.exp(100 * (0.02 - 0.005)))
    expected = gate**2 * torch.linalg.matrix_power(axes @ axes.T, 2)
    measured = noise.T @ noise / count
    assert (measured - expected).norm() < 4 * math.sqrt(2 / count) * expected.norm()
    opaque = langevin_noise(with_opacities(one, [0.9]), generator())
    assert opaque.abs().max() < 1e-30


def test_what_an_input_image_shows_outside_the_silhouette_is_dead():
    reference = reference_view(
        known_subject(ReferenceRasterizer(), lobed_ball(100), 16).views[0], ReferenceSettings(size=16)
    )
    gaussians, moments = scene(50)
    gaussians = replace(gaussians, means=3 * gaussians.means)
    context = DensifyContext(1, 1, [], [reference], {"means": 0.01}, generator())
    outside = []
    for margin in (None, 0.03):
        settings = McmcSettings(start=0, end=1, every=1, growth=0, noise=0, silhouette_margin=margin)
        after, _, _ = McmcDensifier(settings).after_step(gaussians, moments, {}, context)
        outside.append(int(outside_silhouette(after.means, [reference], 0.03).sum()))
    assert outside[0] > 10
    assert outside[1] == 0


def test_the_regularisers_are_weighted_means():
    gaussians, _ = scene(10, opacity=0.6)
    densifier = McmcDensifier(McmcSettings(opacity_weight=2.0, scale_weight=3.0))
    expected = 2 * 0.6 + 3 * gaussians.scales.mean().item()
    assert densifier.loss(gaussians).item() == pytest.approx(expected, rel=1e-5)


def test_between_relocations_only_the_noise_moves():
    gaussians, moments = scene(10, opacity=0.005)
    context = DensifyContext(7, 100, [], [], {"means": 0.01}, generator())
    after, after_moments, memory = McmcDensifier(McmcSettings(noise=5.0)).after_step(gaussians, moments, {}, context)
    torch.testing.assert_close(after.means, gaussians.means + 0.05 * langevin_noise(gaussians, generator()))
    assert torch.equal(after.opacity_logits, gaussians.opacity_logits)
    assert after_moments is moments
    assert not memory


def test_a_fit_does_about_as_well_as_with_the_default():
    rasterizer, truth = CpuRasterizer(), lobed_ball(500)
    prior, subject = known_prior(rasterizer, truth, 16), known_subject(rasterizer, truth, 64)
    found = {}
    for name in ("default", "mcmc"):
        settings = FitSettings(
            steps=100,
            initial_count=500,
            densify=name,
            reference=ReferenceSettings(size=64),
            mcmc=McmcSettings(max_count=1000),
        )
        state = FitState.start(settings, seed=0)
        for _ in fit(state, rasterizer, prior, subject, settings):
            pass
        found[name] = psnr_at(subject.views[0].camera, rasterizer, state.gaussians, truth)
    assert len(state.gaussians) <= 1000
    assert found["mcmc"] > found["default"] - 1


@pytest.mark.parametrize(
    ("field", "value"), [("every", 0), ("growth", -0.1), ("noise", math.nan), ("min_opacity", 1.0)]
)
def test_settings_out_of_range_are_refused(field, value):
    with pytest.raises(ConfigError, match=rf"fit.mcmc.{field} is {value:g}. Give "):
        McmcSettings(**{field: value})


def test_a_name_that_no_densifier_has_is_refused():
    with pytest.raises(ConfigError, match=r"No densifier is called 'mmcmc'\. There are: default, mcmc\."):
        FitSettings(densify="mmcmc")


def test_a_densifier_of_ones_own_is_an_object():
    class RemoveFirst:
        def loss(self, gaussians):
            return gaussians.means.square().sum()

        def after_step(self, gaussians, moments, memory, context):
            kept = torch.arange(1, len(gaussians))
            moments = AdamMoments(moments.first[kept], moments.second[kept])
            return gaussians[kept], moments, {"removed": memory.get("removed", torch.tensor(0)) + 1}

    rasterizer, truth = ReferenceRasterizer(), lobed_ball(10)
    settings = FitSettings(steps=3, initial_count=10)
    state = FitState.start(settings, 0)
    first, *_ = fit(state, rasterizer, known_prior(rasterizer, truth, 8), Subject(), settings, RemoveFirst())
    assert len(state.gaussians) == 7
    assert state.memory["removed"] == 3
    assert first.loss > first.distillation_loss + first.surface_loss
