"""What every asset that is read or written must be: not empty, and of finite numbers."""

from pathlib import Path
from typing import TypeVar

import torch

from dreamgaussian.core.errors import Diverged, EmptyResult, InputError
from dreamgaussian.core.gaussians import Gaussians
from dreamgaussian.core.mesh import Mesh

Asset = TypeVar("Asset", Gaussians, Mesh)


def checked(asset: Asset, path: Path) -> Asset:
    """The same asset, as it was read from a file. Raises InputError for one that nothing can be done with."""
    if isinstance(asset, Gaussians):
        _check_gaussians(asset, path)
    else:
        _check_mesh(asset, path)
    return asset


def check_complete(asset: Gaussians | Mesh, path: Path) -> None:
    """Raises EmptyResult or Diverged for an asset to be written that no program could open."""
    what, count = ("Gaussians", len(asset)) if isinstance(asset, Gaussians) else ("faces", len(asset.faces))
    if count == 0:
        raise EmptyResult(f"There are no {what} to write to {path}.")
    tensors = {name: value for name, value in vars(asset).items() if isinstance(value, torch.Tensor)}
    broken = [name for name, tensor in tensors.items() if not tensor.isfinite().all()]
    if broken:
        raise Diverged(f"The {broken[0]} to write to {path} have values that are not finite. Nothing was written.")


def _check_gaussians(gaussians: Gaussians, path: Path) -> None:
    if len(gaussians) == 0:
        raise InputError(f"{path} holds no Gaussians. Export it again.")
    for name, tensor in gaussians.tensors().items():
        if bad := int((~tensor.isfinite()).sum()):
            raise InputError(f"{path} has {bad} values of {name!r} that are not finite. Export it again.")
    if not gaussians.quats_wxyz.any(dim=1).all():
        raise InputError(f"{path} has rotations of length zero. Export it again.")


def _check_mesh(mesh: Mesh, path: Path) -> None:
    if len(mesh.faces) == 0:
        raise InputError(f"{path} holds no triangles. Export it again.")
    if int(mesh.faces.min()) < 0 or int(mesh.faces.max()) >= len(mesh.vertices):
        raise InputError(f"{path} has faces whose corners are not among its {len(mesh.vertices)} vertices.")
    if mesh.uvs is not None and len(mesh.uvs) != len(mesh.vertices):
        raise InputError(f"{path} has {len(mesh.uvs)} texture coordinates for {len(mesh.vertices)} vertices.")
    for name, tensor in (("vertices", mesh.vertices), ("texture coordinates", mesh.uvs)):
        if tensor is not None and (bad := int((~tensor.isfinite()).sum())):
            raise InputError(f"{path} has {bad} values of its {name} that are not finite. Export it again.")
