"""What a user of a text-to-image model runs first: are its files the published ones, and do they make an image?"""

from collections.abc import Iterator
from pathlib import Path

import torch

from dreamgaussian.priors.check import PROMPT, check_files, save_image
from dreamgaussian.priors.from_hub import find_checkpoint
from dreamgaussian.priors.offload import Offloaded
from dreamgaussian.text_to_image import flow_model


def check_text_to_image(
    name: str, device: torch.device, image: Path, *, path: str | None = None, offload: bool = False
) -> Iterator[str]:
    """As `guidance.check.check`: lines for a person, and an image that is made of words. Raises WeightsUnavailable."""
    yield from check_files(name, path)
    checkpoint = find_checkpoint(name, path)
    model = flow_model(name, Offloaded(checkpoint) if offload else checkpoint, device)
    generated = model(PROMPT, "", torch.Generator().manual_seed(0))
    save_image(torch.from_numpy(generated.image.rgba[..., :3]).permute(2, 0, 1), image)
    yield f"It should show {generated.metadata['prompt']}: {image}"
