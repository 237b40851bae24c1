"""Simple solids for the tests of meshes."""

import math

import numpy as np
import torch
import trimesh
from jaxtyping import Float
from torch import Tensor

from dreamgaussian.core.camera import Camera
from dreamgaussian.core.gaussians import Gaussians
from dreamgaussian.core.mesh import Mesh
from dreamgaussian.meshing.field import DensityField, add_gaussians, empty_field
from dreamgaussian.raster.mesh import MeshScene


def mesh_of(solid: trimesh.Trimesh) -> Mesh:
    return Mesh(torch.from_numpy(np.array(solid.vertices)).float(), torch.from_numpy(np.array(solid.faces)).long())


def trimesh_of(mesh: Mesh) -> trimesh.Trimesh:
    return trimesh.Trimesh(mesh.vertices.numpy(), mesh.faces.numpy(), process=False)


def coverage(mesh: Mesh, camera: Camera, supersampling: int = 2) -> Float[Tensor, "h w"]:
    """Share of each pixel that the mesh covers."""
    finer = camera.resized((camera.width * supersampling, camera.height * supersampling))
    fragments = MeshScene(mesh.vertices, mesh.faces).rasterize(finer)
    return fragments.image(torch.ones(len(fragments.pixels), 1), supersampling)[..., 0]


def sphere(radius: float = 0.5, subdivisions: int = 4) -> Mesh:
    return mesh_of(trimesh.creation.icosphere(subdivisions=subdivisions, radius=radius))


def box(extents: tuple[float, float, float], center: tuple[float, float, float] = (0, 0, 0)) -> Mesh:
    solid = trimesh.creation.box(extents=extents)
    solid.apply_translation(center)
    return mesh_of(solid)


def joined(*meshes: Mesh) -> Mesh:
    return mesh_of(trimesh.util.concatenate([trimesh_of(mesh) for mesh in meshes]))


def field_of(inside: Float[Tensor, "x y z"], side: float) -> DensityField:
    """A field over a centred cube from signed distances to the surface, positive inside, with level 1 at zero."""
    spacing = side / (inside.shape[0] - 1)
    return DensityField((1 + inside / spacing).clamp(0, 5), torch.full((3,), -side / 2), spacing)


def density_field(gaussians: Gaussians, resolution: int) -> DensityField:
    """The Gaussians' density on a grid over their bounds."""
    field = empty_field(gaussians, resolution)
    *_, done = add_gaussians(field, gaussians)
    assert done == 1
    return field


def grid(side: float, count: int) -> Float[Tensor, "x y z 3"]:
    axis = torch.linspace(-side / 2, side / 2, count)
    return torch.stack(torch.meshgrid(axis, axis, axis, indexing="ij"), dim=-1)


def shell_gaussians(count: int = 4000, radius: float = 0.5) -> Gaussians:
    """Opaque Gaussians on a sphere, with nothing inside."""
    normals = torch.randn(count, 3, generator=torch.Generator().manual_seed(1))
    normals = normals / normals.norm(dim=1, keepdim=True)
    spacing = radius * math.sqrt(4 * math.pi / count)
    return Gaussians(
        means=radius * normals,
        log_scales=torch.full((count, 3), math.log(spacing)),
        quats_wxyz=torch.tensor([1.0, 0, 0, 0]).repeat(count, 1),
        opacity_logits=torch.full((count,), 3.0),
        sh=torch.zeros(count, 1, 3),
    )
