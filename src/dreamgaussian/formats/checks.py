"""What every file that is read must hold: something, and numbers that are finite."""

from pathlib import Path

import torch

from dreamgaussian.core.errors import Diverged, EmptyResult, InputError
from dreamgaussian.core.gaussians import Gaussians
from dreamgaussian.core.mesh import Mesh


def file_bytes(path: Path, most: int = -1) -> bytes:
    """The content of a file, or its first bytes. Raises `InputError` where there is none or it cannot be read."""
    try:
        if not path.is_file():
            raise InputError(f"There is no file {path}. Check its path.")
        with path.open("rb") as file:
            return file.read(most)
    except OSError as error:
        raise InputError(f"{path} cannot be read ({error.strerror}). Check its path and permissions.") from error


def checked_gaussians(gaussians: Gaussians, path: Path) -> Gaussians:
    """The same Gaussians. Raises `InputError` where there are none, or some are not finite or have no rotation."""
    if len(gaussians) == 0:
        raise InputError(f"{path} holds no Gaussians. Export it again.")
    for name, tensor in gaussians.tensors().items():
        if bad := int((~tensor.isfinite()).sum()):
            raise InputError(f"{path} has {bad} values of {name!r} that are not finite. Export it again.")
    if not gaussians.quats_wxyz.any(dim=1).all():
        raise InputError(f"{path} has rotations of length zero. Export it again.")
    return gaussians


def checked_mesh(mesh: Mesh, path: Path) -> Mesh:
    """The same mesh. Raises `InputError` where it has no faces, corners that are not there, or values not finite."""
    if len(mesh.faces) == 0:
        raise InputError(f"{path} holds no mesh: it has no faces. Export it again.")
    if int(mesh.faces.min()) < 0 or int(mesh.faces.max()) >= len(mesh.vertices):
        raise InputError(f"{path} has faces whose corners are not among its {len(mesh.vertices)} vertices.")
    if mesh.uvs is not None and len(mesh.uvs) != len(mesh.vertices):
        raise InputError(f"{path} has {len(mesh.uvs)} texture coordinates for {len(mesh.vertices)} vertices.")
    for name, tensor in (("vertices", mesh.vertices), ("texture coordinates", mesh.uvs)):
        if tensor is not None and (bad := int((~tensor.isfinite()).sum())):
            raise InputError(f"{path} has {bad} values of its {name} that are not finite. Export it again.")
    return mesh


def check_whole(asset: Gaussians | Mesh, path: Path) -> None:
    """Raises `EmptyResult` or `Diverged` for an asset that no program could open."""
    if isinstance(asset, Gaussians):
        what, count, tensors = "Gaussians", len(asset), asset.tensors()
    else:
        what, count = "faces", len(asset.faces)
        tensors = {name: value for name, value in vars(asset).items() if isinstance(value, torch.Tensor)}
    if count == 0:
        raise EmptyResult(f"There are no {what} to write to {path}.")
    broken = [name for name, tensor in tensors.items() if not tensor.isfinite().all()]
    if broken:
        raise Diverged(f"The {broken[0]} to write to {path} have values that are not finite. Nothing was written.")
