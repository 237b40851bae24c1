"""Batches of views, drawn from the data factory's folder and augmented."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Generator, Tensor

from dreamgaussian.errors import ConfigError
from dreamgaussian.train.manifest import read_manifest


@dataclass(frozen=True, eq=False)
class Batch:
    """Input views with targets round them: premultiplied RGBA in [0, 1]; radians, azimuth 0 the input view."""

    pictures: Float[Tensor, "b 4 s s"]
    picture_elevations: Float[Tensor, " b"]
    targets: Float[Tensor, "b k 4 s s"]
    azimuths: Float[Tensor, "b k"]
    elevations: Float[Tensor, "b k"]

    def to(self, device: str) -> "Batch":
        """The same batch on another device."""
        return Batch(*(tensor.to(device) for tensor in vars(self).values()))


class Views:
    """All objects of one split, as memory maps."""

    def __init__(self, folder: Path, split: str) -> None:
        if not (folder / "manifest.json").exists():
            raise ConfigError(f"No training views in {folder}. Make them with `dreamgaussian prior data`.")
        entries = [e for e in read_manifest(folder) if e.split == split and (folder / f"{e.key}.views.npy").exists()]
        if not entries:
            raise ConfigError(f"No {split} views in {folder} yet. Make them with `dreamgaussian prior data`.")
        self.entries = entries
        self.weights = torch.tensor([entry.weight for entry in entries])
        self.views = [np.load(folder / f"{entry.key}.views.npy", mmap_mode="r") for entry in entries]
        self.cameras = [np.load(folder / f"{entry.key}.cameras.npy") for entry in entries]

    def group(self, index: int, group: int) -> Batch:
        """One group of one object as a batch of one, all its targets in order."""
        views = torch.from_numpy(self.views[index][group].astype(np.float32) / 255).permute(0, 3, 1, 2)
        cameras = torch.from_numpy(np.radians(self.cameras[index][group]))
        return Batch(views[:1], cameras[:1, 1], views[None, 1:], cameras[None, 1:, 0], cameras[None, 1:, 1])

    def draw(self, size: int, targets: int, generator: Generator) -> Batch:
        """Random groups with random targets; now and then a target is the input view itself."""
        pictures, elevations, chosen_views, chosen_cameras = [], [], [], []
        for index in torch.multinomial(self.weights, size, replacement=True, generator=generator).tolist():
            views, cameras = self.views[index], self.cameras[index]
            group = int(torch.randint(len(views), (), generator=generator))
            picks = torch.randperm(views.shape[1], generator=generator)[:targets].numpy()
            pictures.append(views[group, 0])
            elevations.append(cameras[group, 0, 1])
            chosen_views.append(views[group, picks])
            chosen_cameras.append(np.radians(cameras[group, picks]))
        angles = torch.from_numpy(np.stack(chosen_cameras))
        return Batch(
            torch.from_numpy(np.stack(pictures)).permute(0, 3, 1, 2).float() / 255,
            torch.from_numpy(np.radians(np.stack(elevations))),
            torch.from_numpy(np.stack(chosen_views)).permute(0, 1, 4, 2, 3).float() / 255,
            angles[..., 0],
            angles[..., 1],
        )


def augment(batch: Batch, generator: Generator) -> Batch:
    """Mirrored, recoloured, and with a slightly worse input picture: few objects must do for many."""
    size = len(batch.pictures)
    mirrored = torch.rand(size, generator=generator) < 0.5
    matrix, bias = _draw_recoloring(size, generator)
    pictures = _recolor(_mirror(batch.pictures, mirrored), matrix, bias)
    targets = torch.stack([_recolor(_mirror(view, mirrored), matrix, bias) for view in batch.targets.unbind(1)], 1)
    azimuths = torch.where(mirrored[:, None], -batch.azimuths, batch.azimuths)
    return Batch(_degrade(pictures, generator), batch.picture_elevations, targets, azimuths, batch.elevations)


def _mirror(views: Float[Tensor, "b 4 s s"], mirrored: Tensor) -> Float[Tensor, "b 4 s s"]:
    return torch.where(mirrored[:, None, None, None], views.flip(3), views)


def _draw_recoloring(size: int, generator: Generator) -> tuple[Float[Tensor, "b 3 3"], Float[Tensor, "b 3"]]:
    """Channels permuted in half of the samples, then saturation, gain per channel and brightness."""
    orders = torch.stack([torch.randperm(3, generator=generator) for _ in range(size)])
    kept = torch.rand(size, 1, generator=generator) < 0.5
    matrix = torch.eye(3)[torch.where(kept, torch.arange(3), orders)]
    saturation = 0.6 + 0.8 * torch.rand(size, 1, 1, generator=generator)
    matrix = matrix * saturation + (1 - saturation) / 3
    gain = 0.8 + 0.4 * torch.rand(size, 3, 1, generator=generator)
    return matrix * gain, 0.06 * torch.randn(size, 1, generator=generator).expand(-1, 3)


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
    share = torch.rand(len(pictures), 1, 1, 1, generator=generator).sub(0.7).clamp(min=0) * 2
    noise = torch.randn(pictures[:, :3].shape, generator=generator)
    level = torch.rand(len(pictures), 1, 1, 1, generator=generator).sub(0.6).clamp(min=0) * 0.1
    softened = torch.lerp(pictures, blurred, share)
    rgb, alpha = softened[:, :3], softened[:, 3:]
    return torch.cat([torch.minimum((rgb + level * noise * alpha).clamp(min=0), alpha), alpha], dim=1)
