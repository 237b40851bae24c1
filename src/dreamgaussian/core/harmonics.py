"""View-dependent colour: real spherical harmonics of degree 0 to 3, in 3DGS's order and signs (arXiv 2308.04079)."""

import math

import torch
from jaxtyping import Float
from torch import Tensor

from dreamgaussian.core.gaussians import SH_C0

C1 = 0.4886025119029199
C2 = (1.0925484305920792, -1.0925484305920792, 0.31539156525252005, -1.0925484305920792, 0.5462742152960396)
C3 = (
    -0.5900435899266435,
    2.890611442640554,
    -0.4570457994644658,
    0.3731763325901154,
    -0.4570457994644658,
    1.445305721320277,
    -0.5900435899266435,
)


def view_colors(
    sh: Float[Tensor, "n k 3"], means: Float[Tensor, "n 3"], eye: Float[Tensor, "3"]
) -> Float[Tensor, "n 3"]:
    """Colours, in [0, inf), that a camera at `eye` sees: max(0, 0.5 + sum of coefficient x harmonic)."""
    degree = math.isqrt(sh.shape[1]) - 1
    if degree == 0:
        return (0.5 + SH_C0 * sh[:, 0]).clamp_min(0)
    directions = torch.nn.functional.normalize(means - eye.to(means), dim=-1)
    return (0.5 + (harmonics(directions, degree)[..., None] * sh).sum(dim=1)).clamp_min(0)


def harmonics(directions: Float[Tensor, "n 3"], degree: int) -> Float[Tensor, "n k"]:
    """Values of the k = (degree + 1)^2 first harmonics in unit `directions`."""
    x, y, z = directions.unbind(-1)
    basis = [torch.full_like(x, SH_C0)]
    if degree >= 1:
        basis += [-C1 * y, C1 * z, -C1 * x]
    if degree >= 2:
        basis += [
            C2[0] * x * y,
            C2[1] * y * z,
            C2[2] * (2 * z * z - x * x - y * y),
            C2[3] * x * z,
            C2[4] * (x * x - y * y),
        ]
    if degree >= 3:
        basis += [
            C3[0] * y * (3 * x * x - y * y),
            C3[1] * x * y * z,
            C3[2] * y * (4 * z * z - x * x - y * y),
            C3[3] * z * (2 * z * z - 3 * x * x - 3 * y * y),
            C3[4] * x * (4 * z * z - x * x - y * y),
            C3[5] * z * (x * x - y * y),
            C3[6] * x * (x * x - 3 * y * y),
        ]
    return torch.stack(basis, dim=-1)


def harmonics_rotation(rotation: Float[Tensor, "3 3"], degree: int) -> Float[Tensor, "k k"]:
    """The matrix that rotates coefficients of degree 0 to `degree`, found by what it does to many directions."""
    generator = torch.Generator().manual_seed(0)
    directions = torch.nn.functional.normalize(torch.randn(256, 3, dtype=torch.float64, generator=generator), dim=1)
    seen_before = harmonics(directions @ rotation.double().cpu(), degree)
    return torch.linalg.lstsq(harmonics(directions, degree), seen_before).solution.to(rotation)
