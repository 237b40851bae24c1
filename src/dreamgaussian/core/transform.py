"""Gaussians and meshes turned about the origin."""

from dataclasses import replace
from typing import TypeVar

import torch
from jaxtyping import Float
from torch import Tensor

from dreamgaussian.core.axes import Axes
from dreamgaussian.core.gaussians import Gaussians
from dreamgaussian.core.harmonics import harmonics
from dreamgaussian.core.mesh import Mesh

Asset = TypeVar("Asset", Gaussians, Mesh)


def to_y_up(asset: Asset, axes: Axes) -> Asset:
    """The asset turned from the frame with the given axes into ours: y up, the front along +z."""
    return asset if axes == Axes() else turned(asset, torch.tensor(axes.rows, dtype=torch.float32))


def turned(asset: Asset, rotation: Float[Tensor, "3 3"]) -> Asset:
    """The asset turned by a rotation matrix, also the view-dependent part of Gaussians' colours."""
    if isinstance(asset, Mesh):
        return replace(asset, vertices=asset.vertices @ rotation.to(asset.vertices).T)
    turn = rotation.to(asset.means)
    return replace(
        asset,
        means=asset.means @ turn.T,
        quats_wxyz=_product(_quaternion(turn), asset.quats_wxyz),
        sh=torch.einsum("kl,nlc->nkc", _of_harmonics(turn, asset.sh_degree), asset.sh),
    )


def _quaternion(rotation: Float[Tensor, "3 3"]) -> Float[Tensor, "4"]:
    """The unit quaternion q (w, x, y, z) of a rotation matrix: the longest row of 4 q qᵀ, made unit."""
    r, trace = rotation, rotation.trace()
    skew = torch.stack([r[2, 1] - r[1, 2], r[0, 2] - r[2, 0], r[1, 0] - r[0, 1]])
    outer = torch.empty(4, 4).to(r)
    outer[0, 0], outer[0, 1:], outer[1:, 0] = 1 + trace, skew, skew
    outer[1:, 1:] = r + r.T + (1 - trace) * torch.eye(3).to(r)
    return torch.nn.functional.normalize(outer[outer.diagonal().argmax()], dim=0)


def _product(a: Float[Tensor, "4"], b: Float[Tensor, "n 4"]) -> Float[Tensor, "n 4"]:
    """The rotations b followed by a, as quaternions."""
    real = a[0] * b[:, :1] - b[:, 1:] @ a[1:, None]
    imaginary = a[0] * b[:, 1:] + b[:, :1] * a[1:] + torch.linalg.cross(a[1:].expand(len(b), 3), b[:, 1:], dim=1)
    return torch.cat([real, imaginary], dim=1)


def _of_harmonics(rotation: Float[Tensor, "3 3"], degree: int) -> Float[Tensor, "k k"]:
    """The matrix that turns coefficients of spherical harmonics, found by what it does to many directions."""
    generator = torch.Generator().manual_seed(0)
    directions = torch.nn.functional.normalize(torch.randn(256, 3, dtype=torch.float64, generator=generator), dim=1)
    seen_before = harmonics(directions @ rotation.double().cpu(), degree)
    return torch.linalg.lstsq(harmonics(directions, degree), seen_before).solution.to(rotation)
