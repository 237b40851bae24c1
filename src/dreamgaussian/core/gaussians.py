"""The 3D Gaussians: five tensors in the space in which they are optimised and stored."""

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass, fields
from typing import Any

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from dreamgaussian.core.rotations import rotation_matrices

SH_C0 = 0.28209479177387814
"""The degree-0 spherical harmonic, 1 / (2 sqrt(pi)): colour = 0.5 + SH_C0 * coefficient."""


@dataclass(frozen=True, eq=False)
class Gaussians:
    """`n` anisotropic Gaussians in the world frame, in 3DGS's parameterisation (arXiv 2308.04079).

    The same dataclass holds anything that has one number per parameter: gradients, Adam's moments.
    """

    means: Float[Tensor, "n 3"]
    """Centres, world units."""
    log_scales: Float[Tensor, "n 3"]
    """Natural logarithms of the standard deviations along the Gaussian's own axes."""
    quats_wxyz: Float[Tensor, "n 4"]
    """Rotations of the Gaussian's own axes into the world; not necessarily of unit length."""
    opacity_logits: Float[Tensor, " n"]
    """Logits of the opacity at the centre."""
    sh: Float[Tensor, "n k 3"]
    """Spherical-harmonic coefficients of the colour, k = (degree + 1)^2 with degree 0 to 3."""

    def __len__(self) -> int:
        return self.means.shape[0]

    @classmethod
    def names(cls) -> tuple[str, ...]:
        """The tensors' names, in order."""
        return tuple(field.name for field in fields(cls))

    @classmethod
    def in_ball(cls, count: int, radius: float, generator: torch.Generator, *, opacity: float = 0.1) -> "Gaussians":
        """The paper's start: `count` grey Gaussians uniform in a ball, as wide as the distance to their neighbours."""
        directions = torch.randn(count, 3, generator=generator)
        directions = directions / directions.norm(dim=-1, keepdim=True)
        means = directions * radius * torch.rand(count, 1, generator=generator) ** (1 / 3)
        # Mean distance to the nearest of `count` points uniform in a ball: Gamma(4/3) * (volume / count)^(1/3) * 0.62.
        spacing = 0.893 * 0.62 * radius * (4 * math.pi / 3 / count) ** (1 / 3)
        return cls(
            means=means,
            log_scales=torch.full((count, 3), math.log(spacing)),
            quats_wxyz=torch.tensor([1.0, 0.0, 0.0, 0.0]).repeat(count, 1),
            opacity_logits=torch.full((count,), math.log(opacity / (1 - opacity))),
            sh=torch.zeros(count, 1, 3),
        )

    @classmethod
    def at_points(
        cls, points: Float[Tensor, "n 3"], colors: Float[Tensor, "n 3"], *, opacity: float = 0.3
    ) -> "Gaussians":
        """Coloured points of a surface as balls that just close it: about as wide as the distance to the nearest ones.

        Needs four points or more.
        """
        from scipy.spatial import KDTree

        positions = points.numpy(force=True)
        distances, _ = KDTree(positions).query(positions, k=4)
        spacing = torch.as_tensor(distances[:, 1:].mean(axis=1)).to(points)
        count = len(points)
        return cls(
            means=points,
            # 0.7 of the mean distance to the three nearest points just closes the surface; the bounds keep doubled
            # points from vanishing and stray ones from covering the rest.
            log_scales=(0.7 * spacing.clamp(1e-3, 0.1)).log()[:, None].repeat(1, 3),
            quats_wxyz=torch.tensor([1.0, 0.0, 0.0, 0.0]).repeat(count, 1).to(points),
            opacity_logits=torch.full((count,), math.log(opacity / (1 - opacity))).to(points),
            sh=((colors - 0.5) / SH_C0)[:, None],
        )

    @property
    def scales(self) -> Float[Tensor, "n 3"]:
        """Standard deviations along the own axes, world units."""
        return self.log_scales.exp()

    @property
    def rotations(self) -> Float[Tensor, "n 3 3"]:
        """Rotation matrices from the own axes to the world."""
        return rotation_matrices(self.quats_wxyz)

    @property
    def opacities(self) -> Float[Tensor, " n"]:
        """Opacities at the centres, in (0, 1)."""
        return self.opacity_logits.sigmoid()

    @property
    def sh_degree(self) -> int:
        """Degree of the spherical harmonics, 0 to 3."""
        return math.isqrt(self.sh.shape[1]) - 1

    @property
    def base_colors(self) -> Float[Tensor, "n 3"]:
        """The view-independent part of the colour, in [0, inf): what degree 0 alone would show."""
        return (0.5 + SH_C0 * self.sh[:, 0]).clamp_min(0)

    def map(self, function: Callable[[Tensor], Tensor]) -> "Gaussians":
        """The same function applied to each tensor."""
        return Gaussians(*(function(getattr(self, name)) for name in self.names()))

    def zip_map(self, function: Callable[..., Tensor], *others: "Gaussians") -> "Gaussians":
        """A function of matching tensors of several sets."""
        return Gaussians(
            *(function(*(getattr(gaussians, name) for gaussians in (self, *others))) for name in self.names())
        )

    def tensors(self) -> dict[str, Tensor]:
        """The tensors by name."""
        return {name: getattr(self, name) for name in self.names()}

    def __getitem__(self, index: Bool[Tensor, " n"] | Int[Tensor, " m"]) -> "Gaussians":
        return self.map(lambda tensor: tensor[index])

    @staticmethod
    def concatenate(sets: Iterable["Gaussians"]) -> "Gaussians":
        """Several sets as one."""
        first, *others = sets
        return first.zip_map(lambda *tensors: torch.cat(tensors), *others)

    def detach(self) -> "Gaussians":
        """A copy that shares nothing with this set, neither storage nor graph."""
        return self.map(lambda tensor: tensor.detach().clone())

    def to(self, *args: Any, **kwargs: Any) -> "Gaussians":
        """As `torch.Tensor.to`, for every tensor."""
        return self.map(lambda tensor: tensor.to(*args, **kwargs))
