"""Depth maps fused into a truncated signed distance (Curless and Levoy 1996), as a field like that of the density."""

from collections.abc import Iterator, Sequence

import torch

from dreamgaussian.meshing.extract import Outline
from dreamgaussian.meshing.field import DensityField

TRUNCATION = 4.0
"""Distances are cut off at this many cells."""
SURFACE = 1.0
"""Level of the surface in the fused field, which runs from 0 outside to 2 inside."""


@torch.no_grad()
def fuse(field: DensityField, views: Sequence[Outline]) -> Iterator[float]:
    """Fill the grid, in place, from what the views see; the share that is done after each view.

    A point's distance to the surface is the mean over the views of the depth in front of it, where a view sees it or
    sees through it; behind what it sees, a view says nothing. Points that no view speaks of are inside.
    """
    reach = TRUNCATION * field.spacing
    points = field.points.view(-1, 3)
    sums, counts = torch.zeros(len(points)), torch.zeros(len(points))
    for done, view in enumerate(views, 1):
        assert view.depth is not None
        pixels, depths = view.camera.project(points)
        columns, rows = pixels[:, 0].long(), pixels[:, 1].long()
        framed = (columns >= 0) & (columns < view.camera.width) & (rows >= 0) & (rows < view.camera.height)
        index = rows.clamp(0, view.camera.height - 1) * view.camera.width + columns.clamp(0, view.camera.width - 1)
        seen = torch.where(view.alpha >= 0.5, view.depth, torch.inf).view(-1)[index]
        behind = depths - seen
        told = framed & (behind < reach)
        sums += torch.where(told, behind.clamp_min(-reach), 0.0)
        counts += told
        yield done / len(views)
    mean = torch.where(counts > 0, sums / counts.clamp_min(1), reach)
    field.density.copy_(SURFACE + (mean / reach).view(field.density.shape))
