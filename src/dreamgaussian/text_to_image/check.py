"""What a user with a hub runs first, for painters: are the files there and the published ones, and do they paint?"""

from collections.abc import Iterator
from pathlib import Path

import torch

from dreamgaussian.priors.check import PROMPT, check_files, save_image
from dreamgaussian.priors.offload import Offloaded
from dreamgaussian.priors.registry import find_checkpoint
from dreamgaussian.text_to_image import flow_painter


def check_painter(
    name: str, device: torch.device, image: Path, *, path: str | None = None, offload: bool = False
) -> Iterator[str]:
    """As `guidance.check.check`: lines for a person, and an image that is painted. Raises WeightsUnavailable."""
    yield from check_files(name, path)
    checkpoint = find_checkpoint(name, path)
    painter = flow_painter(name, Offloaded(checkpoint) if offload else checkpoint, device)
    painting = painter(PROMPT, "", torch.Generator().manual_seed(0))
    save_image(torch.from_numpy(painting.image.rgba[..., :3]).permute(2, 0, 1), image)
    yield f"It should show {painting.facts['prompt']}: {image}"
