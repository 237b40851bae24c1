"""What the lifter starts from: a image's outline as a solid, round the plane of the image.

Where the images of the training say nothing, things are about as deep as they are wide.
"""

from typing import Literal

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float
from torch import Tensor

from dreamgaussian.priors.mini.volume import HALF_DEPTH, PLANE_HALF_HEIGHT

Start = Literal["balls", "upright"]
"""The union of all balls that fit the outline, or things that stand upright: round sections, flat bottoms."""
SOFT_EDGE = 0.25
"""Half the thickness of the solid's soft surface, world units."""
DEPTH_LIMIT = 1.35
"""Of a section's half depth, as a share of the outline's thickness there. Of a study's (`upright_heights`): with it,
silhouettes of lifted views fit better than with balls."""


@torch.no_grad()
def start_density(
    alpha: Float[Tensor, "b s s"], size: int, depths: int, start: Start
) -> Float[Tensor, "b d size size"]:
    """1 well inside, -1 well outside the solid that the cut-out's outline is taken for, on the frustum's voxels."""
    heights = upright_heights if start == "upright" else ball_heights
    half_widths = heights(F.adaptive_avg_pool2d(alpha, size) > 0.5) * (2 * PLANE_HALF_HEIGHT / size)
    depth = ((torch.arange(depths, device=alpha.device) + 0.5) * (2 / depths) - 1) * HALF_DEPTH
    return ((half_widths[:, None] - depth.abs()[:, None, None]) / SOFT_EDGE).clamp(-1, 1)


def ball_heights(inside: Bool[Tensor, "b s s"]) -> Float[Tensor, "b s s"]:
    """Half the height, in pixels, over each pixel of the union of all balls that fit the shape.

    A ball at q has the radius r(q), the distance to the shape's outside, and the height² r(q)² - |p - q|² over p.
    """
    return _highest(_ball_radii(inside).square()).clamp(min=0).sqrt() * inside


def upright_heights(inside: Bool[Tensor, "b s s"], exponent: float = 2.0) -> Float[Tensor, "b s s"]:
    """Half the depth, in pixels, over each pixel of a thing that stands upright: its horizontal sections are round, or
    boxy with a higher exponent, and its bottom is flat.

    The run of a row through the pixel, R to each side of its middle, is a section's width: at x from the middle the
    half depth is (1 - |x/R|^exponent)^(1/exponent) min(R, 1.35 T), T the shape's thickness there, so that a wide shape
    of thin parts is no drum.
    """
    size = inside.shape[-1]
    columns = torch.arange(size, device=inside.device).expand_as(inside)
    before = columns.masked_fill(inside, -1).cummax(dim=-1).values
    behind = columns.masked_fill(inside, size).flip(-1).cummin(dim=-1).values.flip(-1)
    half_runs = ((behind - before - 1) / 2).clamp(min=0.5)
    across = ((columns - (before + behind) / 2) / half_runs).abs().clamp(max=1)
    profile = (1 - across**exponent) ** (1 / exponent)
    # A pixel's half on top: thickness counts from the middles of pixels.
    return profile * torch.minimum(half_runs, DEPTH_LIMIT * _thickness(inside) + 0.5) * inside


def _thickness(inside: Bool[Tensor, "b s s"]) -> Float[Tensor, "b s s"]:
    """The radius, in pixels, of the largest ball in the shape that covers each pixel: the same from a part's axis to
    its rim.
    """
    size = inside.shape[-1]
    radii = _ball_radii(inside)
    reach = (radii + 0.5).square()[:, None]
    squares = _squares(size, inside.device)
    rows = [
        # Of the pixels of one row: over all balls that reach them, by their places (row, column).
        torch.where(squares[row][:, None] + squares[:, None] <= reach, radii[:, None], 0.0).amax(dim=(2, 3))
        for row in range(size)
    ]
    return torch.stack(rows, dim=1).clamp(min=0.5)


def _ball_radii(inside: Bool[Tensor, "b s s"]) -> Float[Tensor, "b s s"]:
    """The distance of each pixel's middle to the shape's outside, in pixels; the frame's sides are outside."""
    size = inside.shape[-1]
    line = torch.arange(size, device=inside.device).float()
    outside = torch.zeros(inside.shape, device=inside.device).masked_fill(inside, -torch.inf)
    to_outside = (-_highest(outside)).sqrt() - 0.5
    to_side = torch.minimum(line, line.flip(0)) + 0.5
    return torch.minimum(to_outside, torch.minimum(to_side, to_side[:, None])) * inside


def _highest(heights: Float[Tensor, "b s s"]) -> Float[Tensor, "b s s"]:
    """The maximum over q of heights(q) - |p - q|², along rows, then along columns."""
    squares = _squares(heights.shape[-1], heights.device)
    for _ in range(2):
        heights = (heights[:, :, None, :] - squares).amax(dim=-1).mT
    return heights


def _squares(size: int, device: torch.device) -> Float[Tensor, "s s"]:
    """Squared distances along a line of pixels."""
    line = torch.arange(size, device=device).float()
    return (line[:, None] - line).square()
