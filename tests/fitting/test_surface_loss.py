import math
from dataclasses import replace

import pytest
import torch

from dreamgaussian.core.camera import Camera
from dreamgaussian.core.errors import ConfigError
from dreamgaussian.core.gaussians import Gaussians
from dreamgaussian.fitting.loop import fit
from dreamgaussian.fitting.settings import FitSettings, ReferenceSettings, SurfaceSettings
from dreamgaussian.fitting.state import FitState
from dreamgaussian.fitting.surface_loss import (
    depth_normals,
    facing_normals,
    flatness_loss,
    normal_loss,
    surface_loss,
)
from dreamgaussian.raster import Render
from dreamgaussian.raster.cpu import CpuRasterizer
from fitting.known_object import known_prior, known_subject, lobed_ball

TILT_DEG = 30.0
ACROSS = torch.tensor([math.sin(math.radians(TILT_DEG)), 0.0, math.cos(math.radians(TILT_DEG))])
"""+z turned by the tilt towards +x."""


def discs(thickness: float, count: int = 1500, opacity_logit: float = 2.0) -> Gaussians:
    """A square of discs through the origin, tilted; their centres scatter by `thickness` across it."""
    generator = torch.Generator().manual_seed(0)
    u, v = (torch.rand(2, count, generator=generator) - 0.5) * 1.2
    along = torch.stack([ACROSS[2], torch.tensor(0.0), -ACROSS[0]])
    scatter = thickness * torch.randn(count, 1, generator=generator)
    means = u[:, None] * along + v[:, None] * torch.tensor([0.0, 1.0, 0.0]) + scatter * ACROSS
    half = math.radians(TILT_DEG) / 2
    return Gaussians(
        means=means,
        log_scales=torch.tensor([0.04, 0.04, 0.004]).log().repeat(count, 1),
        quats_wxyz=torch.tensor([math.cos(half), 0.0, math.sin(half), 0.0]).repeat(count, 1),
        opacity_logits=torch.full((count,), opacity_logit),
        sh=torch.zeros(count, 1, 3),
    )


def drawn(gaussians: Gaussians, camera: Camera) -> Render:
    return CpuRasterizer().render(gaussians, camera, extra=facing_normals(gaussians, camera))


def degrees_between(a: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
    return torch.rad2deg(torch.nn.functional.cosine_similarity(a, b, dim=-1).clamp(-1, 1).acos())


@pytest.mark.parametrize("view", [(0, 0), (50, -20)])
def test_the_normals_of_a_planes_depth_are_the_planes(view):
    camera = Camera.orbit(*view, 33)
    origin, directions = camera.rays()
    normal, forward = ACROSS.double(), -camera.camera_from_world[2, :3]
    distances = (0.1 - normal @ origin) / (directions @ normal)  # of the plane normal . x = 0.1
    normals = depth_normals(distances * (directions @ forward), camera)
    assert normals.shape == (31, 31, 3)
    torch.testing.assert_close(normals, normal.expand_as(normals), atol=1e-7, rtol=0)


def test_a_flat_tilted_sheet_shows_its_normal_twice():
    sheet, camera = discs(0.0), Camera.orbit(0, 0, 64)
    render = drawn(sheet, camera)
    middle = (slice(22, 42), slice(22, 42))
    assert float(render.alpha[middle].min()) > 0.95
    assert float(degrees_between(render.extra[middle], ACROSS).max()) < 0.1
    from_depth = torch.nn.functional.pad(depth_normals(render.expected_depth, camera), (0, 0, 1, 1, 1, 1))[middle]
    assert float(degrees_between(from_depth, ACROSS).mean()) < 8
    assert float(degrees_between(from_depth.mean(dim=(0, 1)), ACROSS)) < 2


def test_normals_face_the_camera():
    disc = Gaussians(
        means=torch.tensor([[0.0, 0.0, 0.5]]),
        log_scales=torch.tensor([[0.1, 0.1, 0.01]]).log(),
        quats_wxyz=torch.tensor([[1.0, 0.0, 0.0, 0.0]]),
        opacity_logits=torch.zeros(1),
        sh=torch.zeros(1, 1, 3),
    )
    front, back = (facing_normals(disc, Camera.orbit(azimuth, 0, 8)) for azimuth in (0, 180))
    torch.testing.assert_close(front, torch.tensor([[0.0, 0.0, 1.0]]))
    torch.testing.assert_close(back, torch.tensor([[0.0, 0.0, -1.0]]))


def test_flatness_is_one_for_balls_and_moves_the_shortest_axis_alone():
    scales = torch.tensor([[0.3, 0.3, 0.3], [1.0, 0.1, 0.5]])
    gaussians = replace(discs(0.0, 2), log_scales=scales.log().requires_grad_())
    loss = flatness_loss(gaussians)
    assert loss.item() == pytest.approx((1 + 0.2) / 2)
    loss.backward()
    torch.testing.assert_close(gaussians.log_scales.grad[1], torch.tensor([0.0, 0.2 / 2, 0.0]))


def test_a_ragged_sheet_becomes_flat():
    sheet = discs(0.04, 400, 0.0)
    settings = SurfaceSettings(normals=1.0)
    cameras = [Camera.orbit(azimuth, 0, 48) for azimuth in (0, 20, 40)]
    means = sheet.means.clone().requires_grad_()
    optimizer = torch.optim.Adam([means], lr=0.003)

    def loss() -> torch.Tensor:
        moved = replace(sheet, means=means)
        return surface_loss(moved, [drawn(moved, camera) for camera in cameras], cameras, settings, 1.0)

    def raggedness() -> tuple[float, float]:
        now = replace(sheet, means=means.detach())
        return float((now.means @ ACROSS).std()), float(normal_loss(drawn(now, cameras[1]), cameras[1]))

    before = raggedness()
    for _ in range(30):
        optimizer.zero_grad()
        loss().backward()
        optimizer.step()
    thickness, lean = raggedness()
    assert thickness < 0.6 * before[0]
    assert lean < 0.5 * before[1]


def fitted(surface: SurfaceSettings) -> Gaussians:
    rasterizer, truth = CpuRasterizer(), lobed_ball(200)
    settings = FitSettings(steps=6, initial_count=60, reference=ReferenceSettings(size=16), surface=surface)
    state = FitState.start(settings, 0)
    for _ in fit(state, rasterizer, known_prior(rasterizer, truth, 16), known_subject(rasterizer, truth, 16), settings):
        pass
    return state.gaussians


def test_the_losses_change_nothing_before_their_start():
    without = fitted(SurfaceSettings(flatness=0, normals=0))
    weights = SurfaceSettings(flatness=10, normals=10)
    late, early = fitted(replace(weights, start=0.99)), fitted(weights)
    for name, tensor in without.tensors().items():
        assert torch.equal(tensor, getattr(late, name)), name
    assert not torch.equal(without.means, early.means)
    assert not torch.equal(without.log_scales, early.log_scales)


def test_the_weights_grow_from_their_start_to_the_last_step():
    settings = SurfaceSettings(normals=1.0, start=0.5)
    assert [settings.ramp(progress) for progress in (0.0, 0.5, 0.75, 1.0)] == [0, 0, 0.5, 1]
    assert SurfaceSettings(flatness=0, normals=0).ramp(1.0) == 0


@pytest.mark.parametrize(
    ("field", "value"), [("flatness", -1.0), ("normals", math.nan), ("normals", math.inf), ("start", 1.0)]
)
def test_settings_out_of_range_are_refused(field, value):
    with pytest.raises(ConfigError, match=rf"fit.surface.{field} is {value:g}. Give a (weight|share) of at least 0"):
        SurfaceSettings(**{field: value})
