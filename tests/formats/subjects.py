"""Meshes for the tests of files."""

from dataclasses import replace
from functools import cache

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn.functional import normalize

from dreamgaussian.core.mesh import Mesh
from dreamgaussian.meshing.unwrap import unwrap
from meshing.shapes import sphere

SIDE = 128


@cache
def textured() -> Mesh:
    """A lumpy ball, different from every side, with a texture that is different in every corner."""
    ball = sphere(1.0, 3)
    x, y, z = ball.vertices.unbind(1)
    radius = 0.5 + 0.12 * torch.sin(3 * x + 1) + 0.1 * torch.sin(4 * y) + 0.06 * torch.cos(5 * z + 2)
    mesh = unwrap(replace(ball, vertices=ball.vertices * radius[:, None]), SIDE)
    rows, columns = _grid()
    waves = 0.5 + 0.3 * torch.sin(12 * rows) * torch.cos(9 * columns)
    return replace(mesh, albedo=torch.stack([0.2 + 0.7 * rows, waves, 0.9 - 0.6 * columns], dim=-1))


@cache
def bumpy() -> Mesh:
    """The same with a normal map of waves."""
    rows, columns = _grid()
    slope = torch.stack([0.5 * torch.sin(40 * columns), 0.5 * torch.sin(40 * rows), torch.ones(SIDE, SIDE)], dim=-1)
    return replace(textured(), normal_map=normalize(slope, dim=-1))


def _grid() -> tuple[Float[Tensor, "h w"], Float[Tensor, "h w"]]:
    rows, columns = torch.meshgrid(torch.linspace(0, 1, SIDE), torch.linspace(0, 1, SIDE), indexing="ij")
    return rows, columns
