from dataclasses import replace

import torch

from dreamgaussian.core.camera import Camera
from dreamgaussian.guidance.analytic import AnalyticPrior
from dreamgaussian.guidance.spec import PriorSpec
from dreamgaussian.guidance.targets import sample_targets

SPEC = PriorSpec("analytic", resolution=4, background=None)
CAMERAS = [[Camera.orbit(azimuth, 10, 8, radius=2.5, fovy_deg=40)] for azimuth in (0, 90, 180)]


def target(camera: Camera) -> torch.Tensor:
    return (torch.linspace(0.1, 0.6, 64).view(4, 4, 4) + camera.azimuth_deg / 600).float()


PRIOR = AnalyticPrior(SPEC, target, std=0.02)
TRUTH = torch.stack([torch.stack([target(camera) for camera in sample]) for sample in CAMERAS])


def sampled(t: float, *, from_noise: bool = False, seed: int = 0, prior=PRIOR, images=None):
    images = torch.full((3, 1, 4, 4, 4), 0.5) if images is None else images
    generator = torch.Generator().manual_seed(seed)
    return sample_targets(prior, images, CAMERAS, t, stride=0.05, scale=1.0, from_noise=from_noise, generator=generator)


def test_targets_are_what_the_prior_knows_of_each_camera():
    assert (sampled(0.9).images - TRUTH).abs().max() < 0.06
    assert (sampled(0.98, from_noise=True).images - TRUTH).abs().max() < 0.06


def test_little_noise_keeps_the_images():
    """A prior that is not sure of anything leaves what it is shown, up to its noise."""
    vague, shown = replace(PRIOR, std=0.5, unconditional_mean=0.5), TRUTH
    change = [(sampled(t, prior=vague, images=shown).images - shown).abs().mean() for t in (0.05, 0.5, 0.9)]
    assert change[0] < 0.03 < change[1] < change[2]


def test_the_cameras_come_back():
    (camera,) = sampled(0.5).cameras(1, 16)
    assert torch.equal(camera.camera_from_world, CAMERAS[1][0].camera_from_world)
    assert (camera.width, camera.height, camera.fovy_deg) == (16, 16, 40)
