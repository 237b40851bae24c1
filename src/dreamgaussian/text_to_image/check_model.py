"""What a user of a text-to-image model runs first: do its files fit together, and make an image?"""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import torch

from dreamgaussian.priors.check import PROMPT, check_files, save_image
from dreamgaussian.priors.from_hub import find_checkpoint
from dreamgaussian.text_to_image import flow_model


def check_text_to_image(
    name: str, device: torch.device, image: Path, *, path: str | None = None, offload: bool = False
) -> Iterator[str]:
    """As `priors.check.check`: lines for a person, and an image that is made of words. Raises WeightsUnavailable."""
    yield from check_files(name, path)
    model = flow_model(name, replace(find_checkpoint(name, path), offload=offload), device)
    generated = model(PROMPT, "", torch.Generator().manual_seed(0))
    save_image(torch.from_numpy(generated.image.rgba[..., :3]).permute(2, 0, 1), image)
    yield f"It should show {generated.metadata['prompt']}: {image}"
