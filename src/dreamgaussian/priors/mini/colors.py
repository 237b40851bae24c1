"""The input images' own colours, and what a guessed colour most likely is, given them."""

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

SAMPLES = 2000
"""Pixels that stand for all."""
SPREAD = 0.08
"""Standard deviation of a guessed colour round the true one, in sRGB."""
NODES = 25
"""Of the table, along each channel."""
OPAQUE = 0.9


class OwnColors:
    """Draws guessed colours to those that the images show.

    A network that is unsure of a colour answers with the mean of all that it could be: unseen sides come out greyish
    and stained. Given a guess g, the colour is taken to be the mean of the images' pixels c, each weighted by
    exp(-|g - c|² / 2 `SPREAD`²): the posterior mean where the pixels are the prior.
    """

    def __init__(self, images: Float[Tensor, "n 4 h w"]) -> None:
        """Of premultiplied RGBA images."""
        pixels = images.movedim(1, -1).reshape(-1, 4)
        solid = pixels[pixels[:, 3] >= min(OPAQUE, float(pixels[:, 3].max()))]
        chosen = solid[:: -(-len(solid) // SAMPLES)]
        colors = (chosen[:, :3] / chosen[:, 3:].clamp(min=1e-6)).clamp(0, 1)
        line = torch.linspace(0, 1, NODES, device=images.device)
        slices = torch.cartesian_prod(line, line, line).split(NODES**2)  # One by one, for memory's sake.
        distances = (torch.cdist(guesses, colors) for guesses in slices)
        likely = [torch.softmax(-each.square() / (2 * SPREAD**2), dim=1) @ colors for each in distances]
        self._table = torch.stack(likely).view(NODES, NODES, NODES, 3).permute(3, 2, 1, 0)[None]

    def __call__(self, guesses: Float[Tensor, "n 3 h w"]) -> Float[Tensor, "n 3 h w"]:
        """Straight sRGB in [0, 1], linearly interpolated in a table."""
        places = guesses.movedim(1, -1).reshape(1, 1, 1, -1, 3) * 2 - 1
        found = F.grid_sample(self._table, places, align_corners=True, padding_mode="border")[0, :, 0, 0]
        return found.view(3, len(guesses), *guesses.shape[2:]).movedim(0, 1)
