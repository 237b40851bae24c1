"""Rotation matrices and quaternions (w, x, y, z)."""

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn.functional import normalize


def rotation_matrices(quats_wxyz: Float[Tensor, "n 4"]) -> Float[Tensor, "n 3 3"]:
    """Rotations of quaternions of any length; a zero quaternion counts as the identity."""
    w, x, y, z = normalize(quats_wxyz, dim=-1).unbind(-1)
    rows = [
        torch.stack([1 - 2 * (y * y + z * z), 2 * (x * y - w * z), 2 * (x * z + w * y)], dim=-1),
        torch.stack([2 * (x * y + w * z), 1 - 2 * (x * x + z * z), 2 * (y * z - w * x)], dim=-1),
        torch.stack([2 * (x * z - w * y), 2 * (y * z + w * x), 1 - 2 * (x * x + y * y)], dim=-1),
    ]
    return torch.stack(rows, dim=-2)


def quaternion(rotation: Float[Tensor, "3 3"]) -> Float[Tensor, "4"]:
    """The unit quaternion q of a rotation matrix: the longest row of 4 q qᵀ, made unit."""
    r, trace = rotation, rotation.trace()
    skew = torch.stack([r[2, 1] - r[1, 2], r[0, 2] - r[2, 0], r[1, 0] - r[0, 1]])
    outer = torch.empty(4, 4).to(r)
    outer[0, 0], outer[0, 1:], outer[1:, 0] = 1 + trace, skew, skew
    outer[1:, 1:] = r + r.T + (1 - trace) * torch.eye(3).to(r)
    return normalize(outer[outer.diagonal().argmax()], dim=0)


def quaternion_product(a: Float[Tensor, "4"], b: Float[Tensor, "n 4"]) -> Float[Tensor, "n 4"]:
    """The rotations b followed by a."""
    real = a[0] * b[:, :1] - b[:, 1:] @ a[1:, None]
    imaginary = a[0] * b[:, 1:] + b[:, :1] * a[1:] + torch.linalg.cross(a[1:].expand(len(b), 3), b[:, 1:], dim=1)
    return torch.cat([real, imaginary], dim=1)
