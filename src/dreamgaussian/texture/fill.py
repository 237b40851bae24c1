"""Texels that no view saw, and the gaps between the atlas' charts."""

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from dreamgaussian.mesh.morphology import nearest_in
from dreamgaussian.mesh.raster import Fragments

NEIGHBORS = 8
NORMAL_LENGTH = 0.1
"""World units that opposite normals count as half of: keeps a thin wall's sides apart."""


def fill_unseen(
    colors: Float[Tensor, "k 3"],
    known: Bool[Tensor, " k"],
    positions: Float[Tensor, "k 3"],
    normals: Float[Tensor, "k 3"],
) -> Float[Tensor, "k 3"]:
    """The colours with unknown texels painted from the nearest known points of the surface, in space and in facing."""
    from scipy.spatial import KDTree

    if bool(known.all()):
        return colors
    points = torch.cat([positions, NORMAL_LENGTH * normals], dim=1).double().numpy()
    tree = KDTree(points[known.numpy()], balanced_tree=False)
    distances, nearest = tree.query(points[~known.numpy()], k=min(NEIGHBORS, int(known.sum())), workers=-1)
    distances = torch.from_numpy(distances).view(len(distances), -1)
    nearest = torch.from_numpy(nearest).view(len(distances), -1)
    weights = 1 / (distances + 1e-4)
    weights = (weights / weights.sum(dim=1, keepdim=True)).to(colors)
    filled = colors.clone()
    filled[~known] = (weights[..., None] * colors[known][nearest]).sum(dim=1)
    return filled


def nearest_texels(fragments: Fragments) -> Int[Tensor, "h w"]:
    """Which texel is nearest to each of the atlas' pixels: itself inside the charts.

    With the gaps filled so, no background can shine through at a chart's border, however small it is drawn.
    """
    index = torch.full((fragments.height * fragments.width,), -1)
    index[fragments.pixels] = torch.arange(len(fragments.pixels))
    index = index.view(fragments.height, fragments.width)
    rows, columns = torch.from_numpy(nearest_in(index.numpy() >= 0)).long()
    return index[rows, columns]
