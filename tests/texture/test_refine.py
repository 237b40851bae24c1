import math
from dataclasses import replace

import pytest
import torch
from torch import Tensor

from dreamgaussian.core.camera import Camera
from dreamgaussian.core.errors import InputError
from dreamgaussian.core.image import over, psnr, unpremultiply
from dreamgaussian.core.mesh import Mesh
from dreamgaussian.guidance.analytic import AnalyticPrior
from dreamgaussian.guidance.spec import PriorSpec
from dreamgaussian.inputs.subject import Crop, Subject, View
from dreamgaussian.meshing.unwrap import unwrap
from dreamgaussian.raster.mesh import MeshScene, render_mesh
from dreamgaussian.texture.bake import BakeView, bake, bake_cameras, input_views
from dreamgaussian.texture.fill import nearest_texels
from dreamgaussian.texture.refine import refine
from dreamgaussian.texture.settings import RefineSettings
from dreamgaussian.texture.views import locate_texels
from meshing.shapes import sphere

SIZE, RESOLUTION = 256, 32
RIM_PX = 4
FAST = RefineSettings(steps=12, views=2, start_t=0.3, inertia=0.5)


def with_albedo(mesh: Mesh, base: tuple[float, float, float], detail: float) -> Mesh:
    """A plain colour with stripes far finer than the prior's pixels."""
    texels = locate_texels(mesh, MeshScene(mesh.vertices, mesh.faces), SIZE)
    stripes = detail * torch.sin(200 * texels.positions[:, 1:2])
    return replace(mesh, albedo=(torch.tensor(base) + stripes)[nearest_texels(texels.fragments)])


@pytest.fixture(scope="module")
def ball() -> Mesh:
    return unwrap(sphere(0.5, 4), SIZE)


def prior_showing(mesh: Mesh, background: float | None, std: float = 0.02) -> AnalyticPrior:
    """A prior that knows what the mesh should look like, at low resolution."""

    def target(camera: Camera) -> Tensor:
        render = render_mesh(mesh, camera, 4)
        if background is None:
            return render.rgba.permute(2, 0, 1)
        return over(render.rgba, background).permute(2, 0, 1)

    return AnalyticPrior(PriorSpec("known", RESOLUTION, background), target, std=std)


def subject_showing(mesh: Mesh) -> Subject:
    camera = Camera.orbit(0, 0, 128)
    image = unpremultiply(render_mesh(mesh, camera, 2).rgba)
    return Subject((View(image, camera, Crop(1.0, (0.0, 0.0))),))


def last(mesh: Mesh, prior: AnalyticPrior, subject: Subject = Subject(), settings: RefineSettings = FAST) -> Mesh:
    *_, step = refine(mesh, prior, subject, torch.Generator().manual_seed(0), settings)
    return step.mesh


def error(mesh: Mesh, truth: Mesh, azimuth_deg: float) -> float:
    """Root mean square difference of the colours at low resolution, well inside the outline."""
    camera = Camera.orbit(azimuth_deg, 0, RESOLUTION)
    ours, theirs = (render_mesh(each, camera, 8) for each in (mesh, truth))
    inside = theirs.alpha == 1
    return float((ours.color - theirs.color)[inside].square().mean().sqrt())


@pytest.mark.parametrize("background", [None, 1.0, 0.0])
def test_the_texture_moves_to_what_the_prior_sees(ball: Mesh, background: float | None):
    truth, wrong = with_albedo(ball, (0.7, 0.4, 0.3), 0.0), with_albedo(ball, (0.5, 0.5, 0.5), 0.0)
    refined = last(wrong, prior_showing(truth, background))
    for azimuth in (0, 90, 180, 270):
        assert error(refined, truth, azimuth) < 0.2 * error(wrong, truth, azimuth)


def test_detail_finer_than_the_prior_stays(ball: Mesh):
    truth, wrong = with_albedo(ball, (0.7, 0.4, 0.3), 0.0), with_albedo(ball, (0.5, 0.5, 0.5), 0.1)
    refined = last(wrong, prior_showing(truth, None))
    camera = Camera.orbit(90, 0, 512)
    fine = [render_mesh(mesh, camera, 1).color[200:312, 256].std(dim=0).mean() for mesh in (wrong, refined)]
    assert float(fine[1]) > 0.95 * float(fine[0])
    assert error(refined, truth, 90) < 0.3 * error(wrong, truth, 90)


def test_what_the_input_shows_squarely_stays_exact(ball: Mesh):
    truth, wrong = with_albedo(ball, (0.9, 0.2, 0.2), 0.0), with_albedo(ball, (0.5, 0.5, 0.5), 0.1)
    refined = last(wrong, prior_showing(truth, None), subject_showing(wrong))
    texels = locate_texels(ball, MeshScene(ball.vertices, ball.faces), SIZE)
    assert refined.albedo is not None
    assert wrong.albedo is not None
    moved = (refined.albedo - wrong.albedo).view(-1, 3)[texels.fragments.pixels].abs().amax(dim=1)
    facing = texels.normals[:, 2]
    assert float(moved[facing > 0.8].max()) < 0.03
    assert float(moved[facing < -0.5].min()) > 0.2


def test_the_input_view_is_the_input_image_after_stage_2_as_well(ball: Mesh):
    truth, wrong = with_albedo(ball, (0.9, 0.6, 0.2), 0.0), with_albedo(ball, (0.2, 0.3, 0.8), 0.0)
    subject = subject_showing(truth)
    grey = [BakeView(torch.full((64, 64, 3), 0.5), torch.ones(64, 64), camera) for camera in bake_cameras(64)]
    baked = bake(ball, [*grey, *input_views(subject)], SIZE)
    image, camera = subject.views[0].image, subject.views[0].camera
    inside = -torch.nn.functional.max_pool2d(-image[None, ..., 3], 2 * RIM_PX + 1, 1, RIM_PX)[0] == 1
    for mesh in (baked, last(baked, prior_showing(wrong, None), subject)):
        shown = render_mesh(mesh, camera).color[inside]
        assert psnr(shown[None], image[..., :3][inside][None]) > 35


def test_a_right_texture_is_left_alone(ball: Mesh):
    right = with_albedo(ball, (0.6, 0.5, 0.4), 0.1)
    refined = last(right, prior_showing(right, None))
    assert refined.albedo is not None
    assert right.albedo is not None
    assert error(refined, right, 45) < 0.01


def test_every_step_reports_a_loss_and_a_mesh_of_its_own(ball: Mesh):
    truth, wrong = with_albedo(ball, (0.7, 0.4, 0.3), 0.0), with_albedo(ball, (0.5, 0.5, 0.5), 0.0)
    steps = list(refine(wrong, prior_showing(truth, None), Subject(), torch.Generator().manual_seed(0), FAST))
    assert [(step.step, step.steps) for step in steps] == [(i + 1, 12) for i in range(12)]
    assert steps[-1].loss < 0.1 * steps[0].loss
    assert all(math.isfinite(step.loss) for step in steps)
    assert steps[0].mesh.albedo is not steps[1].mesh.albedo


def test_one_seed_gives_one_texture(ball: Mesh):
    truth, wrong = with_albedo(ball, (0.7, 0.4, 0.3), 0.0), with_albedo(ball, (0.5, 0.5, 0.5), 0.0)
    settings = RefineSettings(steps=2)
    first, second = (last(wrong, prior_showing(truth, None), settings=settings) for _ in range(2))
    assert first.albedo is not None
    assert second.albedo is not None
    assert first.albedo.equal(second.albedo)


def test_no_steps_yield_nothing(ball: Mesh):
    mesh = with_albedo(ball, (0.5, 0.5, 0.5), 0.0)
    generator = torch.Generator().manual_seed(0)
    assert list(refine(mesh, prior_showing(mesh, None), Subject(), generator, RefineSettings(steps=0))) == []


def test_a_mesh_without_texture_is_refused(ball: Mesh):
    prior = prior_showing(ball, None)
    with pytest.raises(InputError, match="bake"):
        next(refine(ball, prior, Subject(), torch.Generator()))
