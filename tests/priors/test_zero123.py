import math
from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import nn

from dreamgaussian.core.camera import Camera
from dreamgaussian.core.errors import ConfigError, WeightsUnavailable
from dreamgaussian.guidance.distill import denoise
from dreamgaussian.guidance.gradients import GradientContext, sds_gradient
from dreamgaussian.guidance.prior import Prior
from dreamgaussian.inputs.subject import Crop, Subject, View
from dreamgaussian.priors.elevation import ElevationAware
from dreamgaussian.priors.latent import over_white
from dreamgaussian.priors.registry import open_prior, prior_record
from dreamgaussian.priors.zero123 import Zero123, relative_pose
from guidance.recorder import Recorder
from priors.tiny_checkpoints import WIDTH, write_stable_diffusion, write_zero123

CPU = torch.device("cpu")
FRONT = Camera.orbit(0, 10, 64)


def seen(azimuth_deg: float, grey: float) -> View:
    """A grey square on nothing."""
    image = torch.full((64, 64, 4), grey)
    image[..., 3] = 0
    image[16:48, 16:48, 3] = 1
    return View(image, Camera.orbit(azimuth_deg, 10, 64), Crop(1.0, (0.0, 0.0)))


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return write_zero123(tmp_path_factory.mktemp("zero123"))


@pytest.fixture(scope="module")
def prior(folder) -> Zero123:
    return open_prior("zero123-xl", Subject((seen(0, 0.3),)), CPU, str(folder))


def asked(prior: Zero123, cameras, conditions) -> tuple[torch.Tensor, ...]:
    """The UNet's input, steps and context."""
    recorder = Recorder()
    x_t = torch.randn(len(cameras), 1, 4, 32, 32, generator=torch.Generator().manual_seed(0))
    replace(prior, unet=recorder).predict_noise(x_t, torch.full((len(cameras),), 0.5), cameras, conditions)
    return x_t, *recorder.calls[0][:3]


def test_the_pose_is_polar_angle_sine_cosine_and_radius():
    """From elevation 10 to 20 the polar angle falls by 10 degrees; 30 degrees round; 0.5 further away: get_T in
    ldm/data/simple.py of github.com/cvlab-columbia/zero123.
    """
    pose = relative_pose(Camera.orbit(30, 20, 8, radius=2.5), FRONT, absolute_polar=False)
    assert pose == pytest.approx((-0.174533, 0.5, 0.866025, 0.5), abs=1e-6)


def test_stable_zero123_is_told_the_polar_angle_of_the_image():
    """90 - 10 = 80 degrees, whatever the new camera: get_cond in threestudio's stable_zero123_guidance.py."""
    pose = relative_pose(Camera.orbit(-90, 20, 8, radius=2.5), FRONT, absolute_polar=True)
    assert pose == pytest.approx((-0.174533, -1.0, 0.0, 1.396263), abs=1e-6)


def test_the_same_camera_is_the_zero_pose():
    assert relative_pose(FRONT, FRONT, absolute_polar=False) == pytest.approx((0, 0, 1, 0), abs=1e-6)


def test_azimuth_turns_as_in_zero123s_own_arithmetic():
    """get_T works on positions in Blender's frame, where our (x, y, z) is (x, -z, y)."""

    def spherical(camera: Camera) -> tuple[float, float, float]:
        x, y, z = camera.position.tolist()
        x, y, z = x, -z, y
        return np.arctan2(np.hypot(x, y), z), np.arctan2(y, x), math.sqrt(x * x + y * y + z * z)

    target = Camera.orbit(50, -15, 8, radius=1.7)
    (theta, azimuth, radius), (theta_0, azimuth_0, radius_0) = spherical(target), spherical(FRONT)
    turn = (azimuth - azimuth_0) % (2 * math.pi)
    expected = (theta - theta_0, math.sin(turn), math.cos(turn), radius - radius_0)
    assert relative_pose(target, FRONT, absolute_polar=False) == pytest.approx(expected, abs=1e-6)


def test_the_images_latent_is_not_scaled_and_follows_the_noisy_one(prior):
    """c_concat is encode_first_stage(...).mode(), concatenated after x: sample_model in gradio_new.py and
    DiffusionWrapper ("hybrid") of github.com/cvlab-columbia/zero123.
    """
    x_t, x, _, _ = asked(prior, [[FRONT]], ("conditional", "unconditional"))
    torch.testing.assert_close(x[0, :4], x_t[0, 0])
    torch.testing.assert_close(x[1, :4], x_t[0, 0])
    pixels = over_white(seen(0, 0.3).image, 256)[None] * 2 - 1
    mean = prior.latents.vae.encode(pixels.to(torch.bfloat16)).latent_dist.mode()[0].float()
    torch.testing.assert_close(x[0, 4:], mean, atol=1e-3, rtol=1e-2)
    assert x[1, 4:].abs().max() == 0


def test_the_unconditional_context_is_zero_after_the_projection(prior):
    """c_crossattn is cc_projection(...) with the condition and plain zeros without: sample_model there."""
    _, _, _, context = asked(prior, [[FRONT]], ("unconditional", "conditional"))
    assert context.shape == (2, 1, WIDTH)
    assert context[0].abs().max() == 0
    assert context[1].abs().max() > 0


def test_the_projection_reads_the_token_and_then_the_pose(prior):
    """cat([c, T], dim=-1) in sample_model; the poses are 30 degrees round and 10 up, and a quarter turn."""
    projection = nn.Linear(WIDTH + 4, WIDTH, bias=False)
    projection.weight.data.zero_()
    projection.weight.data[:4, WIDTH:] = torch.eye(4)
    projection.weight.data[4:, :28] = torch.eye(28)
    cameras = [[Camera.orbit(30, 20, 8)], [Camera.orbit(90, 10, 8)]]
    _, _, _, context = asked(replace(prior, projection=projection), cameras, ("conditional",))
    torch.testing.assert_close(context[:, 0, :4], torch.tensor([[-0.174533, 0.5, 0.866025, 0], [0, 1, 0, 0]]))
    torch.testing.assert_close(context[0, 0, 4:], prior.seen[0].token[0, :28])


def test_steps_are_those_of_training(prior):
    assert asked(prior, [[FRONT], [FRONT]], ("conditional", "unconditional"))[2].tolist() == [500] * 4


def test_of_several_images_the_nearest_conditions(folder):
    subject = Subject((seen(0, 0.2), seen(180, 0.9)))
    prior = open_prior("zero123", subject, CPU, str(folder))
    cameras = [[Camera.orbit(azimuth, 0, 8)] for azimuth in (80, 100, -170)]
    _, x, _, _ = asked(prior, cameras, ("conditional",))
    for row, index in zip(x, (0, 1, 1), strict=True):
        torch.testing.assert_close(row[4:], prior.seen[index].latent)


def test_both_published_layouts_of_the_projection_are_read(folder, prior, tmp_path):
    other = open_prior(
        "zero123-xl", Subject((seen(0, 0.3),)), CPU, str(write_zero123(tmp_path / "kxic", projection="cc_projection"))
    )
    assert other.projection.weight.shape == prior.projection.weight.shape == (WIDTH, WIDTH + 4)


def test_it_distils_and_denoises(prior):
    """Stage 1 and stage 2 run over the seam, and the images' gradient is there."""
    assert isinstance(prior, Prior)
    images = torch.rand(1, 1, 3, 256, 256, generator=torch.Generator().manual_seed(0), requires_grad=True)
    x = prior.encode(images)
    assert x.shape == (1, 1, 4, 32, 32)
    eps, t = torch.zeros_like(x), torch.tensor([0.3])
    x.backward(sds_gradient(x, GradientContext(prior, [[FRONT]], t, eps, 5.0, "sigma_squared")))
    assert images.grad is not None
    assert 0 < images.grad.abs().max() < math.inf
    refined = denoise(prior, images.detach(), [[FRONT]], start_t=0.2, steps=2, scale=5.0, generator=torch.Generator())
    assert refined.shape == images.shape
    assert refined.isfinite().all()


def test_words_alone_are_refused(folder):
    with pytest.raises(ConfigError, match="Give an image"):
        open_prior("zero123", Subject(prompt="a horse"), CPU, str(folder))


def test_another_kind_of_checkpoint_is_refused(folder, tmp_path):
    other = write_stable_diffusion(tmp_path / "other")
    with pytest.raises(WeightsUnavailable, match="no checkpoint of zero123: it lacks image_encoder/, clip_camera"):
        open_prior("zero123", Subject((seen(0, 0.3),)), CPU, str(other))


def test_what_it_sees_is_declared():
    record = prior_record("zero123-xl")
    spec = record.spec
    assert (spec.resolution, spec.background, spec.channels) == (256, 1.0, 3)
    assert record.suggested.guidance_scale == 5
    assert (spec.domain.fovy_deg, spec.domain.radius, spec.x_bound) == (49.1, 2.0, None)


def test_told_another_elevation_it_sees_its_image_from_there(prior):
    stable = replace(prior, absolute_polar=True, seen=(prior.seen[0], replace(prior.seen[0], camera=FRONT)))
    lifted = stable.at_elevation(40)
    assert isinstance(lifted, ElevationAware)
    (view,) = lifted.seen
    assert (view.camera.azimuth_deg, view.camera.elevation_deg) == pytest.approx((0, 40))
    assert view.latent is prior.seen[0].latent
    pose = relative_pose(view.camera, view.camera, absolute_polar=True)
    assert pose == pytest.approx((0, 0, 1, math.radians(50)), abs=1e-6)
