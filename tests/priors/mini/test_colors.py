import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from dreamgaussian.priors.mini.colors import SPREAD, OwnColors

RED, WHITE = (0.8, 0.1, 0.1), (0.95, 0.95, 0.95)


def image(*colors: tuple[float, float, float], alpha: float = 1.0) -> Tensor:
    """As many columns of pixels as there are colours, and a transparent one beside them."""
    rgba = torch.tensor([[*(alpha * c for c in color), alpha] for color in colors] + [[0.0] * 4])
    return rgba.T[None, :, None].expand(1, 4, 6, -1)


def drawn(own: OwnColors, *guess: float) -> Tensor:
    return own(torch.tensor(guess).view(1, 3, 1, 1)).flatten()


def test_a_stain_takes_the_nearest_colour_of_the_image() -> None:
    own = OwnColors(image(RED, WHITE))
    assert torch.allclose(drawn(own, 0.7, 0.3, 0.25), torch.tensor(RED), atol=0.03)
    assert torch.allclose(drawn(own, 0.8, 0.85, 0.8), torch.tensor(WHITE), atol=0.03)


def test_what_has_a_colour_of_the_image_keeps_it() -> None:
    own = OwnColors(image(RED, WHITE, (0.1, 0.3, 0.8)))
    for color in (RED, WHITE, (0.1, 0.3, 0.8)):
        assert torch.allclose(drawn(own, *color), torch.tensor(color), atol=0.01)


def test_the_transparent_part_of_an_image_has_no_colour() -> None:
    for alpha in (1.0, 0.5):
        own = OwnColors(image(RED, alpha=alpha))
        assert torch.allclose(drawn(own, 0.0, 0.0, 0.0), torch.tensor(RED), atol=1e-4), alpha


def test_the_table_is_the_posterior_mean() -> None:
    pixels = torch.rand(40, 3, generator=torch.Generator().manual_seed(0))
    own = OwnColors(torch.cat([pixels, torch.ones(40, 1)], dim=1).T[None, :, None])
    guesses = torch.rand(1, 3, 20, 30, generator=torch.Generator().manual_seed(1))
    distances = (guesses.movedim(1, -1).reshape(-1, 1, 3) - pixels).square().sum(dim=-1)
    weights = (-distances / (2 * SPREAD**2)).exp()
    means = (weights @ pixels) / weights.sum(dim=1, keepdim=True)
    assert (own(guesses)[0].flatten(1).T - means).abs().quantile(0.99) < 0.03


@settings(deadline=None, max_examples=20)
@given(guess=st.tuples(*[st.floats(0, 1)] * 3), seed=st.integers(0, 99))
def test_no_colour_is_more_extreme_than_the_image_s(guess: tuple[float, float, float], seed: int) -> None:
    pixels = torch.rand(1, 3, 5, 5, generator=torch.Generator().manual_seed(seed))
    found = drawn(OwnColors(torch.cat([pixels, torch.ones(1, 1, 5, 5)], dim=1)), *guess)
    low, high = pixels.amin(dim=(0, 2, 3)), pixels.amax(dim=(0, 2, 3))
    assert bool(((found >= low - 1e-5) & (found <= high + 1e-5)).all())
