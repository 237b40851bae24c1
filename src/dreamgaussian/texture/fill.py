"""Texels that no view saw, and the gaps between the atlas' charts."""

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from dreamgaussian.mesh.raster import Fragments

NEIGHBORS = 8
NORMAL_LENGTH = 0.1
"""World units that opposite normals count as half of: keeps a thin wall's sides apart."""


def fill_unseen(
    colors: Float[Tensor, "k 3"], known: Bool[Tensor, " k"], positions: Float[Tensor, "k 3"], normals: Float[Tensor, "k 3"]
) -> Float[Tensor, "k 3"]:
    """The colours with unknown texels painted from the nearest known points of the surface, in space and in facing."""
    from scipy.spatial import cKDTree

    if bool(known.all()):
        return colors
    points = torch.cat([positions, NORMAL_LENGTH * normals], dim=1).double().numpy()
    tree = cKDTree(points[known.numpy()], balanced_tree=False)
    distances, nearest = tree.query(points[~known.numpy()], k=min(NEIGHBORS, int(known.sum())), workers=-1)
    distances = torch.from_numpy(distances).view(len(distances), -1)
    nearest = torch.from_numpy(nearest).view(len(distances), -1)
    weights = 1 / (distances + 1e-4)
    weights = (weights / weights.sum(dim=1, keepdim=True)).to(colors)
    filled = colors.clone()
    filled[~known] = (weights[..., None] * colors[known][nearest]).sum(dim=1)
    return filled


def pad(colors: Float[Tensor, "k c"], fragments: Fragments) -> Float[Tensor, "h w c"]:
    """The texels' colours as a picture, the gaps between the charts filled with the nearest texel's colour.

    No background can shine through at a chart's border, however small the texture is drawn.
    """
    from scipy.ndimage import distance_transform_edt

    covered = torch.zeros(fragments.height * fragments.width, dtype=torch.bool)
    covered[fragments.pixels] = True
    empty = ~covered.view(fragments.height, fragments.width).numpy()
    rows, columns = torch.from_numpy(distance_transform_edt(empty, return_distances=False, return_indices=True))
    return fragments.picture(colors)[rows.long(), columns.long()]
