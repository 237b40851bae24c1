"""A look at a few validation objects while training goes on: a figure for the curve, and a sheet of pictures."""

from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float
from PIL import Image
from torch import Generator, Tensor, nn

from dreamgaussian.core.files import atomic_path
from dreamgaussian.core.image import on_white, psnr, to_uint8
from factory.dataset import Batch, Views, rendered
from factory.stages import Stage

OBJECTS = 10
TARGETS = 4


def watched_batch(folder: Path, device: str) -> Batch | None:
    """A few views of a few validation objects, always the same; None where none is rendered."""
    if not rendered(folder, "validation"):
        return None
    views = Views(folder, "validation", device)
    step = max(1, len(views.entries) // OBJECTS)
    groups = [views.group(index, 0) for index in range(0, len(views.entries), step)][:OBJECTS]
    every = max(1, groups[0].targets.shape[1] // TARGETS)
    whole = Batch(*(torch.cat(parts) for parts in zip(*(vars(group).values() for group in groups), strict=True)))
    return Batch(
        *(whole.pictures, whole.picture_elevations),
        *(part[:, ::every] for part in (whole.targets, whole.azimuths, whole.elevations)),
    )


def watch(stage: Stage, network: nn.Module, batch: Batch, sheet: Path) -> float:
    """PSNR on white in dB of the network's views of the batch's targets; writes pictures of them to `sheet`.

    Each object has a row: the input, the true views, the network's.
    """
    shown = stage.predict(network, batch, Generator(batch.pictures.device).manual_seed(0))
    ours, truth = (on_white(each.movedim(-3, -1)) for each in (shown.float(), batch.targets))
    rows = torch.cat([on_white(batch.pictures.movedim(-3, -1))[:, None], truth, ours], dim=1)
    with atomic_path(sheet) as temporary:
        Image.fromarray(_in_rows(rows)).save(temporary)
    return psnr(ours, truth)


def _in_rows(pictures: Float[Tensor, "b k s s 3"]) -> np.ndarray:
    b, k, s = pictures.shape[:3]
    return to_uint8(pictures.permute(0, 2, 1, 3, 4).reshape(b * s, k * s, 3))
