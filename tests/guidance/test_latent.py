import pytest
import torch

from dreamgaussian.guidance.clip import clip_pixels
from dreamgaussian.guidance.latent import over_white, working_dtype


def test_a_picture_is_laid_over_white_before_it_is_made_smaller():
    """Two half covered black pixels beside two of hidden red: grey and white, and no red leaks in."""
    picture = torch.zeros(2, 4, 4)
    picture[:, :2, 3] = 0.5
    picture[:, 2:, 0] = 1.0
    small = over_white(picture, 2)
    assert small.shape == (3, 2, 2)
    assert small[0].eq(small[1]).all()
    assert small[0, 0, 0] < 0.6 < 0.9 < small[0, 0, 1]


def test_clip_sees_normalised_colours():
    """(0.5 - 0.48145466) / 0.26862954 and so on."""
    for antialias in (True, False):
        pixels = clip_pixels(torch.full((3, 32, 32), 0.5), antialias=antialias)
        assert pixels.shape == (3, 224, 224)
        assert pixels.mean(dim=(1, 2)).tolist() == pytest.approx([0.069037, 0.161393, 0.332838], abs=1e-4)


def test_zero123s_clip_picture_keeps_its_corners():
    picture = torch.rand(3, 256, 256, generator=torch.Generator().manual_seed(0))
    pixels = clip_pixels(picture, antialias=False)
    std = torch.tensor([0.26862954, 0.26130258, 0.27577711])
    mean = torch.tensor([0.48145466, 0.4578275, 0.40821073])
    for corner in ((0, 0), (0, -1), (-1, 0), (-1, -1)):
        torch.testing.assert_close(pixels[:, *corner] * std + mean, picture[:, *corner], atol=1e-4, rtol=0)


def test_half_precision_suits_the_device():
    assert working_dtype(torch.device("cpu")) == torch.bfloat16
    assert working_dtype(torch.device("mps")) == torch.float16
