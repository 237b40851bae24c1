import math
import shutil
from dataclasses import replace

import pytest
import torch

from dreamgaussian.core.camera import Camera
from dreamgaussian.core.errors import ConfigError, WeightsUnavailable
from dreamgaussian.guidance.gradients import GradientContext, sds_gradient
from dreamgaussian.inputs.subject import Crop, Subject, View
from dreamgaussian.priors.latent import over_white
from dreamgaussian.priors.multiview import MultiView, camera_numbers
from dreamgaussian.priors.registry import open_prior, prior_record
from guidance.recorder import Recorder
from priors.tiny_checkpoints import write_multiview, write_stable_diffusion

CPU = torch.device("cpu")
ROUND = [Camera.orbit(azimuth, 15, 8, radius=2.5) for azimuth in (0, 90, 180, -90)]


@pytest.fixture(scope="module")
def mvdream(tmp_path_factory) -> MultiView:
    folder = write_multiview(tmp_path_factory.mktemp("mvdream"))
    return open_prior("mvdream", Subject(prompt="a horse"), CPU, str(folder))


@pytest.fixture(scope="module")
def imagedream_folder(tmp_path_factory):
    return write_multiview(tmp_path_factory.mktemp("imagedream"), image_tokens=3)


@pytest.fixture(scope="module")
def imagedream(imagedream_folder) -> MultiView:
    image = torch.rand(64, 64, 4, generator=torch.Generator().manual_seed(0))
    view = View(image, Camera.orbit(0, 0, 64), Crop(1.0, (0.0, 0.0)))
    return open_prior("imagedream", Subject((view,), prompt="a horse"), CPU, str(imagedream_folder))


def test_the_front_camera_looks_from_plus_x_with_z_up():
    """Its right is +y, its up +z, its back +x, and it stands at distance 1: get_camera(azimuth 90, elevation 0)."""
    expected = [0, 0, 1, 1, 1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 1]
    torch.testing.assert_close(camera_numbers(Camera.orbit(0, 0, 8, radius=2.5)), torch.tensor(expected).float())


def test_the_front_is_what_the_papers_code_calls_so():
    """orbit_camera(0, 90, radius) of dreamgaussian's main.py, flipped to Blender's axes in mvdream_utils.py.

    There, with y up, the camera stands at (1, 0, 0), its right (0, 0, -1), its up (0, 1, 0), its back (1, 0, 0). The
    flip takes (x, y, z) to (x, -z, y): right (0, 1, 0), up (0, 0, 1), back and place (1, 0, 0).
    """
    pose = camera_numbers(Camera.orbit(0, 0, 8, radius=2.5)).view(4, 4)
    right, up, back, place = pose[:3].T
    assert (right.tolist(), up.tolist()) == ([0, 1, 0], [0, 0, 1])
    assert back.tolist() == place.tolist() == [1, 0, 0]


def test_the_camera_at_azimuth_90_looks_from_plus_y():
    """Right -x, up +z, back +y: get_camera(azimuth 180, elevation 0)."""
    expected = [-1, 0, 0, 0, 0, 0, 1, 1, 0, 1, 0, 0, 0, 0, 0, 1]
    torch.testing.assert_close(camera_numbers(Camera.orbit(90, 0, 8)), torch.tensor(expected).float())


def test_a_raised_camera_is_higher_along_z():
    """At 30 degrees: up is (-1/2, 0, sqrt(3)/2), back and place are (sqrt(3)/2, 0, 1/2)."""
    c = math.sqrt(3) / 2
    expected = [0, -0.5, c, c, 1, 0, 0, 0, 0, c, 0.5, 0.5, 0, 0, 0, 1]
    torch.testing.assert_close(camera_numbers(Camera.orbit(0, 30, 8)), torch.tensor(expected))


def test_time_is_told_in_cosines_and_then_sines(mvdream):
    """Width 32: frequencies 10000^(-k / 16), so 1 and, at k = 8, 0.01; timestep_embedding in MVDream's util.py."""
    told = mvdream.unet.unet.time_proj(torch.tensor([3]))[0, [0, 8, 16, 24]]
    torch.testing.assert_close(told, torch.tensor([math.cos(3), math.cos(0.03), math.sin(3), math.sin(0.03)]))


def test_frames_come_sample_by_sample_condition_by_condition(mvdream):
    """Views of a sample side by side: "(b f) l c -> b (f l) c" in the attention of github.com/bytedance/MVDream."""
    recorder = Recorder()
    x_t = torch.randn(2, 4, 4, 8, 8, generator=torch.Generator().manual_seed(0))
    t = torch.tensor([0.1, 0.6])
    noise = replace(mvdream, unet=recorder).predict_noise(x_t, t, [ROUND, ROUND], ("conditional", "unconditional"))
    x, steps, context, poses, frames = recorder.calls[0]
    assert frames == 4
    assert noise.shape == (2, 2, 4, 4, 8, 8)
    torch.testing.assert_close(x, x_t.flatten(0, 1).repeat(2, 1, 1, 1))
    assert steps.tolist() == ([100] * 4 + [600] * 4) * 2
    torch.testing.assert_close(poses[:4], torch.stack([camera_numbers(camera) for camera in ROUND]))
    torch.testing.assert_close(poses, poses[:4].repeat(4, 1))
    assert torch.equal(context[7], mvdream.contexts["conditional"])
    assert torch.equal(context[8], mvdream.contexts["unconditional"])


def test_the_views_of_a_sample_see_each_other_and_no_other_sample(mvdream):
    x_t = torch.randn(2, 4, 4, 8, 8, generator=torch.Generator().manual_seed(0))
    changed = x_t.clone()
    changed[0, 2] += 1
    t = torch.full((2,), 0.5)
    before, after = (mvdream.predict_noise(x, t, [ROUND, ROUND], ("conditional",))[0] for x in (x_t, changed))
    assert not torch.equal(before[0, 0], after[0, 0])
    assert torch.equal(before[1], after[1])


def test_the_camera_changes_the_prediction(mvdream):
    x_t, t = torch.zeros(1, 4, 4, 8, 8), torch.tensor([0.5])
    other = [*ROUND[:3], Camera.orbit(-90, 60, 8)]
    assert not torch.equal(*(mvdream.predict_noise(x_t, t, [sample], ("conditional",)) for sample in (ROUND, other)))


def test_imagedream_adds_the_image_as_a_frame_without_a_camera(imagedream):
    """Its camera is 16 zeros: get_camera(..., extra_view=True) in extern/ImageDream/imagedream/camera_utils.py of
    github.com/bytedance/ImageDream; without the image its latent is zero too (uc_["ip_img"] in scripts/demo.py).
    """
    recorder = Recorder()
    x_t = torch.randn(1, 4, 4, 32, 32, generator=torch.Generator().manual_seed(0))
    t, conditions = torch.tensor([0.5]), ("conditional", "unconditional")
    noise = replace(imagedream, unet=recorder).predict_noise(x_t, t, [ROUND], conditions)
    x, _, context, poses, frames = recorder.calls[0]
    assert frames == 5
    assert noise.shape == (2, 1, 4, 4, 32, 32)
    assert imagedream.image is not None
    torch.testing.assert_close(x[:4], x_t[0])
    torch.testing.assert_close(x[4], imagedream.image["conditional"])
    assert x[9].abs().max() == 0
    assert poses[4].abs().max() == poses[9].abs().max() == 0
    assert context.shape == (10, 77 + 3, 32)


def test_of_several_images_imagedream_takes_the_front_and_says_so(imagedream, imagedream_folder, caplog):
    front, back = (torch.rand(64, 64, 4, generator=torch.Generator().manual_seed(seed)) for seed in (0, 1))
    views = tuple(View(p, Camera.orbit(a, 0, 64), Crop(1.0, (0.0, 0.0))) for p, a in ((front, 0), (back, 180)))
    with caplog.at_level("INFO", "dreamgaussian"):
        both = open_prior("imagedream", Subject(views, prompt="a horse"), CPU, str(imagedream_folder))
    assert torch.equal(both.image["conditional"], imagedream.image["conditional"])
    assert "imagedream looks at the front image alone" in caplog.text


def test_imagedreams_unconditional_image_tokens_are_those_of_nothing(imagedream):
    with torch.no_grad():
        nothing = imagedream.unet.image_embed(torch.zeros(1, 17, 32, dtype=torch.bfloat16))[0].float()
    torch.testing.assert_close(imagedream.contexts["unconditional"][77:], nothing)
    assert not torch.equal(imagedream.contexts["conditional"][77:], nothing)


def test_imagedreams_latent_is_scaled(imagedream):
    """Unlike Zero123's: encode_image_latents in pipeline_mvdream.py of github.com/ashawkey/mvdream_diffusers."""
    assert imagedream.image is not None
    image = torch.rand(64, 64, 4, generator=torch.Generator().manual_seed(0))
    torch.testing.assert_close(
        imagedream.image["conditional"], imagedream.encode(over_white(image, 256)[None, None])[0, 0]
    )


def test_they_distil(mvdream, imagedream):
    images = torch.rand(1, 4, 3, 256, 256, generator=torch.Generator().manual_seed(0), requires_grad=True)
    for prior in (mvdream, imagedream):
        x = prior.encode(images)
        context = GradientContext(prior, [ROUND], torch.tensor([0.3]), torch.zeros_like(x), 5.0, "uniform")
        x.backward(sds_gradient(x, context))
    assert images.grad is not None
    assert 0 < images.grad.abs().max() < math.inf


def test_imagedream_needs_an_image_and_no_words(imagedream_folder):
    with pytest.raises(ConfigError, match="Give an image"):
        open_prior("imagedream", Subject(prompt="a horse"), CPU, str(imagedream_folder))


def test_a_network_without_cameras_is_refused(tmp_path):
    folder = write_stable_diffusion(tmp_path / "sd")
    with pytest.raises(WeightsUnavailable, match="its UNet knows no cameras"):
        open_prior("mvdream", Subject(prompt="a"), CPU, str(folder))
    shutil.copy(write_multiview(tmp_path / "mv") / "unet/config.json", folder / "unet/config.json")
    with pytest.raises(WeightsUnavailable, match=r"The unet of .* does not fit: it lacks unet"):
        open_prior("mvdream", Subject(prompt="a"), CPU, str(folder))


def test_what_they_see_is_declared():
    spec = prior_record("mvdream").spec
    assert (spec.resolution, spec.views_per_sample, spec.view_spacing_deg) == (256, 4, 90.0)
    assert spec.domain.elevation_range_deg == (0.0, 30.0)
    assert prior_record("imagedream").spec.domain.elevation_range_deg == (0.0, 5.0)
