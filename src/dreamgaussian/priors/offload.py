"""For graphics cards too small for a network: its weights wait in the CPU's memory and come layer by layer as it runs.

The autoencoder and the camera's projection stay on the device: their weights are small, and the gradient needs them.
"""

from collections.abc import Mapping
from math import prod
from typing import Any

import torch
from torch import nn

RESIDENT = ("vae", "projection")
"""Components that stay on the device where the others are offloaded."""


def weights_in_memory(shapes: Mapping[str, Mapping[str, tuple[int, ...]]], *, offload: bool = False) -> tuple[int, int]:
    """Bytes of weights on the device while words and images are encoded, and while the prior runs.

    Encoders run one after the other and are let go, CLIP's in float32; the other networks follow, all in two bytes.

    Args:
        shapes: Of each network's tensors, by component.
        offload: Only the largest tensor counts of each network that isn't `RESIDENT`.
    """
    encoders, networks = [0], [0]
    for component, tensors in shapes.items():
        sizes = [prod(shape) for shape in tensors.values()]
        count = max(sizes) if offload and component not in RESIDENT else sum(sizes)
        width = 4 if "encoder" in component and component != "t5_encoder" else 2
        (encoders if "encoder" in component else networks).append(width * count)
    return max(encoders), sum(networks)


def offloaded(network: nn.Module, device: torch.device) -> nn.Module:
    """The frozen network, whose layers' weights are on `device` only while they run, by accelerate's hooks."""
    import accelerate

    weights: dict[str, Any] = network.state_dict()
    if torch.cuda.is_available():  # Copying to the card is several times as fast from pinned memory.
        weights = {name: tensor.pin_memory() for name, tensor in weights.items()}
    return accelerate.cpu_offload(network, device, offload_buffers=True, state_dict=weights)
