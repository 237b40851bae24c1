from dataclasses import replace
from pathlib import Path

import pytest
import torch

from dreamgaussian.core.camera import Camera
from dreamgaussian.core.errors import ConfigError, InputError, WeightsUnavailable
from dreamgaussian.core.image import premultiply, psnr
from dreamgaussian.guidance.distill import guided_noise
from dreamgaussian.guidance.prior import Prior
from dreamgaussian.inputs.subject import Crop, Subject, View
from dreamgaussian.priors.mini import MiniPrior, open_mini
from dreamgaussian.priors.mini.weights import shipped_weights
from dreamgaussian.priors.registry import MINI

BOTH = ("conditional", "unconditional")


def shaded_ball(color: tuple[float, float, float], size: int = 128, azimuth: float = 0.0) -> Subject:
    line = (torch.arange(size) + 0.5) * (2 / size) - 1
    y, x = torch.meshgrid(line, line, indexing="ij")
    alpha = ((0.8 - torch.hypot(x, y)) * size / 2).clamp(0, 1)
    light = (1 - 0.5 * torch.hypot(x + 0.3, y + 0.4)).clamp(0, 1)
    image = torch.cat([torch.tensor(color) * light[..., None], alpha[..., None]], dim=-1)
    return Subject((View(image, Camera.orbit(azimuth, 10.0, size), Crop(1.0, (0.0, 0.0))),))


@pytest.fixture(scope="module")
def prior() -> MiniPrior:
    return open_mini(shaded_ball((0.9, 0.5, 0.1)))


def noisy(count: int = 1, seed: int = 0) -> torch.Tensor:
    return torch.randn(count, 1, 4, 64, 64, generator=torch.Generator().manual_seed(seed))


def test_it_is_a_prior(prior: MiniPrior) -> None:
    assert isinstance(prior, Prior)
    assert (MINI.spec.resolution, MINI.spec.channels, MINI.spec.views_per_sample) == (64, 4, 1)


def test_the_shipped_weights_are_small() -> None:
    assert shipped_weights().stat().st_size <= 22_000_000


def test_noise_has_the_seams_shape_and_repeats(prior: MiniPrior) -> None:
    cameras = [[Camera.orbit(30.0, 10.0, 64)], [Camera.orbit(200.0, -10.0, 256)]]
    t = torch.tensor([0.3, 0.9])
    noise = prior.predict_noise(noisy(2), t, cameras, BOTH)
    assert noise.shape == (2, 2, 1, 4, 64, 64)
    assert noise.isfinite().all()
    assert not noise.requires_grad
    assert torch.equal(noise, prior.predict_noise(noisy(2), t, cameras, BOTH))
    assert torch.equal(noise.flip(0), prior.predict_noise(noisy(2), t, cameras, BOTH[::-1]))


def test_levels_preserve_the_variance_and_end_in_noise(prior: MiniPrior) -> None:
    alpha, sigma = prior.alpha_sigma(torch.linspace(0, 1, 11))
    assert torch.allclose(alpha**2 + sigma**2, torch.ones(11))
    assert (alpha[0], sigma[0]) == (1, 0)
    assert alpha[-1].abs() < 1e-6


def test_pure_noise_is_seen_as_noise(prior: MiniPrior) -> None:
    x_t = noisy()
    predicted = prior.predict_noise(x_t, torch.ones(1), [[Camera.orbit(90.0, 0.0, 64)]], BOTH)
    assert torch.allclose(predicted[0], x_t, atol=1e-5)


def test_a_clean_view_survives_almost_no_noise(prior: MiniPrior) -> None:
    camera = Camera.orbit(0.0, 10.0, 64)
    x = prior.encode(prior.lifted_view(camera)[None, None])
    t = torch.full((1,), 0.02)
    alpha, sigma = prior.alpha_sigma(t)
    x_t = alpha * x + sigma * noisy()
    predicted = prior.predict_noise(x_t, t, [[camera]], ("conditional",))[0]
    assert ((x_t - sigma * predicted) / alpha - x).square().mean().sqrt() < 0.04


def test_guidance_scale_one_is_the_conditional_prediction(prior: MiniPrior) -> None:
    x_t, t, cameras = noisy(), torch.tensor([0.6]), [[Camera.orbit(120.0, 5.0, 64)]]
    conditional, unconditional = prior.predict_noise(x_t, t, cameras, BOTH)
    assert torch.allclose(guided_noise(prior, x_t, t, cameras, 1.0), conditional, atol=2e-2)
    assert (conditional - unconditional).abs().max() > 1e-3


def test_only_the_conditional_prediction_knows_the_subject(prior: MiniPrior) -> None:
    other = open_mini(shaded_ball((0.1, 0.3, 0.9)))
    x_t, t, cameras = noisy(), torch.tensor([0.8]), [[Camera.orbit(60.0, 5.0, 64)]]
    ours, theirs = (one.predict_noise(x_t, t, cameras, BOTH) for one in (prior, other))
    assert torch.equal(ours[1], theirs[1])
    assert not torch.allclose(ours[0], theirs[0], atol=1e-2)


def test_the_mirrored_image_has_mirrored_views(prior: MiniPrior) -> None:
    view = shaded_ball((0.9, 0.5, 0.1)).views[0]
    mirrored = open_mini(Subject((replace(view, image=view.image.flip(1)),)))
    ours, theirs = (
        one.lifted_view(Camera.orbit(azimuth, 20.0, 64)) for one, azimuth in ((prior, 70.0), (mirrored, -70.0))
    )
    assert torch.allclose(ours, theirs.flip(-1), atol=2e-2)
    assert not torch.allclose(ours, theirs, atol=2e-2)


def test_the_guessed_back_has_the_colours_of_the_image() -> None:
    view = shaded_ball((0.9, 0.5, 0.1)).views[0]
    flat = torch.cat([torch.tensor([0.9, 0.5, 0.1]).expand(128, 128, 3), view.image[..., 3:]], dim=-1)
    prior = open_mini(Subject((replace(view, image=flat),)))
    t = torch.tensor([0.9])
    alpha, sigma = (level.view(1, 1, 1, 1, 1) for level in prior.alpha_sigma(t))
    for x_t in (noisy(seed=seed) for seed in range(3)):
        noise = prior.predict_noise(x_t, t, [[Camera.orbit(180.0, 10.0, 64)]], ("conditional",))[0]
        back = prior.decode((x_t - sigma * noise) / alpha)[0, 0]
        solid = back[3] > 0.5
        assert solid.sum() > 1000
        straight = (back[:3] / back[3:].clamp(min=1e-3))[:, solid]
        assert (straight - torch.tensor([0.9, 0.5, 0.1])[:, None]).abs().quantile(0.95) < 0.03


def test_the_lifted_view_at_the_input_camera_is_the_input(prior: MiniPrior) -> None:
    subject = shaded_ball((0.9, 0.5, 0.1), 64)
    truth = premultiply(subject.views[0].image)
    seen = prior.lifted_view(Camera.orbit(0.0, 10.0, 64)).permute(1, 2, 0)
    assert psnr(seen, truth) > 24


def test_a_ball_is_a_ball_from_behind_and_keeps_its_colour(prior: MiniPrior) -> None:
    behind = prior.lifted_view(Camera.orbit(180.0, 10.0, 64))
    middle = behind[:, 28:36, 28:36].mean(dim=(1, 2))
    assert middle[3] > 0.9
    assert middle[0] > middle[1] > middle[2]
    assert behind[3, :3].mean() < 0.2


def test_lifted_views_come_in_any_size(prior: MiniPrior) -> None:
    assert prior.lifted_view(Camera.orbit(45.0, 0.0, (48, 32))).shape == (4, 32, 48)


def test_unknown_conditions_are_named(prior: MiniPrior) -> None:
    with pytest.raises(ConfigError, match="'negative'"):
        prior.predict_noise(noisy(), torch.ones(1), [[Camera.orbit(0.0, 0.0, 64)]], ("negative",))


def test_words_alone_are_not_enough() -> None:
    with pytest.raises(InputError, match="needs an image"):
        open_mini(Subject(prompt="a teapot"))


def test_missing_weights_name_the_path_and_the_remedy(tmp_path: Path) -> None:
    with pytest.raises(WeightsUnavailable, match=r"nowhere\.safetensors.*install it again"):
        open_mini(shaded_ball((1, 1, 1)), weights=tmp_path / "nowhere.safetensors")


def test_broken_weights_name_the_path(tmp_path: Path) -> None:
    broken = tmp_path / "broken.safetensors"
    broken.write_bytes(shipped_weights().read_bytes()[:1_000_000])
    with pytest.raises(WeightsUnavailable, match=r"broken\.safetensors does not hold"):
        open_mini(shaded_ball((1, 1, 1)), weights=broken)


def test_a_turned_image_turns_all_that_is_seen(prior: MiniPrior) -> None:
    turned = open_mini(shaded_ball((0.9, 0.5, 0.1), azimuth=70.0))
    cameras = [Camera.orbit(azimuth, -5.0, 64) for azimuth in (20.0, 90.0)]
    for camera in cameras:
        expected = prior.lifted_view(Camera.orbit(camera.azimuth_deg - 70, -5.0, 64))
        assert torch.allclose(turned.lifted_view(camera), expected, atol=1e-4)
    t = torch.tensor([0.5])
    expected = prior.predict_noise(noisy(), t, [[Camera.orbit(-50.0, -5.0, 64)]], ("conditional",))
    seen = turned.predict_noise(noisy(), t, [[cameras[0]]], ("conditional",))
    assert (seen - expected).abs().mean() < 0.02  # bfloat16


def test_each_view_is_told_by_the_nearest_image(prior: MiniPrior) -> None:
    red, blue = shaded_ball((0.9, 0.1, 0.1)), shaded_ball((0.1, 0.1, 0.9), azimuth=180.0)
    both = open_mini(Subject(red.views + blue.views))
    alone = [open_mini(subject) for subject in (red, blue)]
    cameras = [Camera.orbit(azimuth, 10.0, 64) for azimuth in (10.0, 170.0)]
    t = torch.tensor([0.5])
    for camera, single in zip(cameras, alone, strict=True):
        middle = (slice(None), slice(24, 40), slice(24, 40))
        assert torch.allclose(both.lifted_view(camera)[middle], single.lifted_view(camera)[middle], atol=0.05)
        noise, expected = (p.predict_noise(noisy(), t, [[camera]], ("conditional",)) for p in (both, single))
        assert (noise - expected).abs().mean() < 0.02


def test_between_two_images_both_are_mixed() -> None:
    views = shaded_ball((0.9, 0.1, 0.1)).views + shaded_ball((0.1, 0.1, 0.9), azimuth=180.0).views
    middle = open_mini(Subject(views)).lifted_view(Camera.orbit(90.0, 0.0, 64))[:, 32, 32]
    assert 0.5 < float(middle[0] / middle[2]) < 2
