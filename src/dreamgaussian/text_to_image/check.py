"""What a user with a hub runs first, for painters: are the files there and the published ones, and do they paint?"""

from collections.abc import Iterator
from pathlib import Path

import torch

from dreamgaussian.guidance.catalogue import find_checkpoint
from dreamgaussian.guidance.check import PROMPT, check_files, save_picture
from dreamgaussian.guidance.offload import Offloaded
from dreamgaussian.text_to_image import flow_painter


def check_painter(
    name: str, device: torch.device, picture: Path, *, path: str | None = None, offload: bool = False
) -> Iterator[str]:
    """As `guidance.check.check`: lines for a person, and a picture that is painted. Raises WeightsUnavailable."""
    yield from check_files(name, path)
    checkpoint = find_checkpoint(name, path)
    painter = flow_painter(name, Offloaded(checkpoint) if offload else checkpoint, device)
    painting = painter(PROMPT, "", torch.Generator().manual_seed(0))
    save_picture(torch.from_numpy(painting.picture.rgba[..., :3]).permute(2, 0, 1), picture)
    yield f"It should show {painting.facts['prompt']}: {picture}"
