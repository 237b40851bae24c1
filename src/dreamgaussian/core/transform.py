"""Gaussians and meshes rotated about the origin."""

from dataclasses import replace
from typing import TypeVar

import torch
from jaxtyping import Float
from torch import Tensor

from dreamgaussian.core.axes import Axes
from dreamgaussian.core.gaussians import Gaussians
from dreamgaussian.core.harmonics import harmonics_rotation
from dreamgaussian.core.mesh import Mesh
from dreamgaussian.core.rotations import quaternion, quaternion_product

Asset = TypeVar("Asset", Gaussians, Mesh)


def to_y_up(asset: Asset, axes: Axes) -> Asset:
    """The asset rotated from the frame with the given axes into ours: y up, the front along +z."""
    return asset if axes == Axes() else rotated(asset, torch.tensor(axes.rows, dtype=torch.float32))


def rotated(asset: Asset, rotation: Float[Tensor, "3 3"]) -> Asset:
    """The asset rotated by a matrix, with the view-dependent part of Gaussians' colours."""
    if isinstance(asset, Mesh):
        return replace(asset, vertices=asset.vertices @ rotation.to(asset.vertices).T)
    matrix = rotation.to(asset.means)
    return replace(
        asset,
        means=asset.means @ matrix.T,
        quats_wxyz=quaternion_product(quaternion(matrix), asset.quats_wxyz),
        sh=torch.einsum("kl,nlc->nkc", harmonics_rotation(matrix, asset.sh_degree), asset.sh),
    )
