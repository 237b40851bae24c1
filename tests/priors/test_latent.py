import torch

from dreamgaussian.priors.latent import over_white, working_dtype


def test_an_image_is_laid_over_white_before_it_is_made_smaller():
    """Two half covered black pixels beside two of hidden red: grey and white, and no red leaks in."""
    image = torch.zeros(2, 4, 4)
    image[:, :2, 3] = 0.5
    image[:, 2:, 0] = 1.0
    small = over_white(image, 2)
    assert small.shape == (3, 2, 2)
    assert small[0].eq(small[1]).all()
    assert small[0, 0, 0] < 0.6 < 0.9 < small[0, 0, 1]


def test_half_precision_suits_the_device():
    assert working_dtype(torch.device("cpu")) == torch.bfloat16
    assert working_dtype(torch.device("mps")) == torch.float16
