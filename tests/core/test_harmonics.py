import pytest
import torch

from dreamgaussian.core.gaussians import SH_C0
from dreamgaussian.core.harmonics import harmonics, view_colors


def directions(count: int) -> torch.Tensor:
    vectors = torch.randn(count, 3, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    return vectors / vectors.norm(dim=-1, keepdim=True)


def test_harmonics_are_orthonormal_on_the_sphere() -> None:
    # Exact up to polynomials of degree 7: Gauss-Legendre in z times equal steps of azimuth.
    import numpy as np

    nodes, weights = np.polynomial.legendre.leggauss(8)
    azimuths = torch.arange(16, dtype=torch.float64) * (2 * torch.pi / 16)
    z = torch.from_numpy(nodes)[:, None].expand(8, 16)
    ring = (1 - z * z).sqrt()
    points = torch.stack([ring * azimuths.cos(), ring * azimuths.sin(), z], dim=-1).reshape(-1, 3)
    area = (torch.from_numpy(weights)[:, None] * (2 * torch.pi / 16)).expand(8, 16).reshape(-1)
    values = harmonics(points, 3)
    torch.testing.assert_close(values.T @ (values * area[:, None]), torch.eye(16, dtype=torch.float64))


def test_first_degree_has_the_order_and_signs_of_3dgs() -> None:
    values = harmonics(torch.eye(3, dtype=torch.float64), 1)
    c = 0.4886025119029199
    expected = torch.tensor([[SH_C0, 0, 0, -c], [SH_C0, -c, 0, 0], [SH_C0, 0, c, 0]], dtype=torch.float64)
    torch.testing.assert_close(values, expected)


def test_degree_zero_is_the_same_from_everywhere_and_never_negative() -> None:
    sh = torch.tensor([[[1.0, -3.0, 0.0]]])
    for eye in (torch.tensor([1.0, 0.0, 0.0]), torch.tensor([0.0, 5.0, 0.0])):
        color = view_colors(sh, torch.zeros(1, 3), eye)
        torch.testing.assert_close(color, torch.tensor([[0.5 + SH_C0, 0.0, 0.5]]))


@pytest.mark.parametrize("degree", [1, 2, 3])
def test_colors_depend_on_the_direction_alone(degree: int) -> None:
    sh = torch.randn(5, (degree + 1) ** 2, 3, dtype=torch.float64, generator=torch.Generator().manual_seed(1)) * 0.2
    means = directions(5) * 0.3
    eye = torch.tensor([0.4, 1.0, -2.0], dtype=torch.float64)
    farther = means + (means - eye) * 2
    torch.testing.assert_close(view_colors(sh, means, eye), view_colors(sh, farther, eye))
    assert not torch.allclose(view_colors(sh, means, eye), view_colors(sh, means, -eye))


def test_eye_may_be_of_another_dtype() -> None:
    assert (
        view_colors(torch.zeros(2, 4, 3), torch.ones(2, 3), torch.zeros(3, dtype=torch.float64)).dtype == torch.float32
    )
