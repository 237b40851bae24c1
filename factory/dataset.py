"""Batches of views, drawn from the data factory's folder and augmented."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from jaxtyping import Float, Float32, Int, UInt8
from torch import Generator, Tensor

from dreamgaussian.core.errors import ConfigError
from factory.manifest import Entry, read_manifest


@dataclass(frozen=True, eq=False)
class Batch:
    """Input views with targets round them: premultiplied RGBA in [0, 1]; radians, azimuth 0 the input view."""

    pictures: Float[Tensor, "b 4 s s"]
    picture_elevations: Float[Tensor, " b"]
    targets: Float[Tensor, "b k 4 s s"]
    azimuths: Float[Tensor, "b k"]
    elevations: Float[Tensor, "b k"]


def rendered(folder: Path, split: str) -> list[Entry]:
    """The objects of a split that have views."""
    return [e for e in read_manifest(folder) if e.split == split and (folder / f"{e.key}.views.npy").exists()]


class Views:
    """All objects of one split: memory maps for the processor, one tensor on any other device."""

    def __init__(self, folder: Path, split: str, device: str = "cpu") -> None:
        entries = rendered(folder, split)
        if not entries:
            raise ConfigError(f"No {split} views in {folder} yet. Make them with `python -m factory data`.")
        self.entries = entries
        self.folder = folder
        self.weights = torch.tensor([entry.weight for entry in entries], device=device)
        maps = [map_views(folder / f"{entry.key}.views.npy") for entry in entries]
        cameras = [np.radians(np.load(folder / f"{entry.key}.cameras.npy")) for entry in entries]
        on_device = torch.device(device).type != "cpu"
        self._together = _together(maps, cameras, device) if on_device else None
        counts = [len(each) for each in maps]
        self.views = list(self._together[0].split(counts)) if self._together else maps
        self.cameras = [torch.from_numpy(each).to(device) for each in cameras]
        self._counts = torch.tensor(counts, device=device)

    def group(self, index: int, group: int) -> Batch:
        """One group of one object as a batch of one, all its targets in order."""
        views, cameras = _as_floats(self.views[index][group]), self.cameras[index][group]
        return Batch(views[:1], cameras[:1, 1], views[None, 1:], cameras[None, 1:, 0], cameras[None, 1:, 1])

    def draw(self, size: int, targets: int, generator: Generator) -> Batch:
        """Random groups with random targets; now and then a target is the input view itself."""
        device = generator.device
        objects = torch.multinomial(self.weights, size, replacement=True, generator=generator)
        shares = torch.rand(size, generator=generator, device=device)
        orders = torch.rand(size, self.views[0].shape[1], generator=generator, device=device).argsort(dim=1)
        groups = (shares * self._counts[objects]).long()
        picks = torch.cat([torch.zeros_like(orders[:, :1]), orders[:, :targets]], dim=1)
        views, cameras = self._look_up(objects, groups, picks)
        return Batch(
            *(_as_floats(views[:, 0]), cameras[:, 0, 1]),
            *(_as_floats(views[:, 1:]), cameras[:, 1:, 0], cameras[:, 1:, 1]),
        )

    def _look_up(
        self, objects: Int[Tensor, " b"], groups: Int[Tensor, " b"], picks: Int[Tensor, "b k"]
    ) -> tuple[UInt8[Tensor, "b k s s 4"], Float[Tensor, "b k 2"]]:
        """Views of a group of each object, and their cameras."""
        if self._together is not None:
            views, cameras = self._together
            places = (self._counts.cumsum(0) - self._counts)[objects] + groups
            return views[places[:, None], picks], cameras[places[:, None], picks]
        chosen = list(zip(objects.tolist(), groups.tolist(), picks, strict=True))
        return (
            torch.stack([self.views[index][group, pick] for index, group, pick in chosen]),
            torch.stack([self.cameras[index][group, pick] for index, group, pick in chosen]),
        )


def _together(
    views: list[UInt8[Tensor, "..."]], cameras: list[Float32[np.ndarray, "..."]], device: str
) -> tuple[UInt8[Tensor, "groups k s s 4"], Float[Tensor, "groups k 2"]]:
    """All groups of all objects, on a device."""
    return torch.cat(views).to(device), torch.from_numpy(np.concatenate(cameras)).to(device)


def map_views(path: Path) -> UInt8[Tensor, "groups views s s 4"]:
    """An object's views, read from the disk where they are looked at.

    Unlike numpy's maps, torch's keep no file open: there are more objects than files that a process may open.
    """
    with path.open("rb") as file:
        np.lib.format.read_magic(file)
        shape, _, _ = np.lib.format.read_array_header_1_0(file)
        start = file.tell()
    return torch.from_file(str(path), size=path.stat().st_size, dtype=torch.uint8)[start:].view(shape)


def _as_floats(views: UInt8[Tensor, "*n s s 4"]) -> Float[Tensor, "*n 4 s s"]:
    return views.movedim(-1, -3).float() / 255


def augment(batch: Batch, generator: Generator) -> Batch:
    """Mirrored, recoloured, and with a slightly worse input picture: few objects must do for many."""
    size = len(batch.pictures)
    mirrored = torch.rand(size, generator=generator, device=generator.device) < 0.5
    matrix, bias = _draw_recoloring(size, generator)
    pictures = _recolor(_mirror(batch.pictures, mirrored), matrix, bias)
    targets = torch.stack([_recolor(_mirror(view, mirrored), matrix, bias) for view in batch.targets.unbind(1)], 1)
    azimuths = torch.where(mirrored[:, None], -batch.azimuths, batch.azimuths)
    return Batch(_degrade(pictures, generator), batch.picture_elevations, targets, azimuths, batch.elevations)


def _mirror(views: Float[Tensor, "b 4 s s"], mirrored: Tensor) -> Float[Tensor, "b 4 s s"]:
    return torch.where(mirrored[:, None, None, None], views.flip(3), views)


def _draw_recoloring(size: int, generator: Generator) -> tuple[Float[Tensor, "b 3 3"], Float[Tensor, "b 3"]]:
    """Channels permuted in half of the samples, then saturation, gain per channel and brightness."""
    device = generator.device
    orders = torch.rand(size, 3, generator=generator, device=device).argsort(dim=1)
    kept = torch.rand(size, 1, generator=generator, device=device) < 0.5
    matrix = torch.eye(3, device=device)[torch.where(kept, torch.arange(3, device=device), orders)]
    saturation = 0.6 + 0.8 * torch.rand(size, 1, 1, generator=generator, device=device)
    matrix = matrix * saturation + (1 - saturation) / 3
    gain = 0.8 + 0.4 * torch.rand(size, 3, 1, generator=generator, device=device)
    return matrix * gain, 0.06 * torch.randn(size, 1, generator=generator, device=device).expand(-1, 3)


def _recolor(
    views: Float[Tensor, "b 4 s s"], matrix: Float[Tensor, "b 3 3"], bias: Float[Tensor, "b 3"]
) -> Float[Tensor, "b 4 s s"]:
    """Premultiplied colours stay between 0 and alpha."""
    rgb, alpha = views[:, :3], views[:, 3:]
    changed = torch.einsum("bij,bjhw->bihw", matrix, rgb) + bias[:, :, None, None] * alpha
    return torch.cat([torch.minimum(changed.clamp(min=0), alpha), alpha], dim=1)


def _degrade(pictures: Float[Tensor, "b 4 s s"], generator: Generator) -> Float[Tensor, "b 4 s s"]:
    """Some pictures blurred by a pixel, some with noise."""
    blurred = F.avg_pool2d(F.pad(pictures, (1, 1, 1, 1)), 3, stride=1)
    device = generator.device
    share = torch.rand(len(pictures), 1, 1, 1, generator=generator, device=device).sub(0.7).clamp(min=0) * 2
    noise = torch.randn(pictures[:, :3].shape, generator=generator, device=device)
    level = torch.rand(len(pictures), 1, 1, 1, generator=generator, device=device).sub(0.6).clamp(min=0) * 0.1
    softened = torch.lerp(pictures, blurred, share)
    rgb, alpha = softened[:, :3], softened[:, 3:]
    return torch.cat([torch.minimum((rgb + level * noise * alpha).clamp(min=0), alpha), alpha], dim=1)
