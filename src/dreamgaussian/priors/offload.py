"""For graphics cards too small for a network: its weights wait in the CPU's memory and come layer by layer as it runs.

The autoencoder stays on the device, since its weights are small and its gradient needs them; what it remembers for the
gradient is made anew instead, block by block.
"""

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from dreamgaussian.priors.checkpoint import Derived
from dreamgaussian.priors.manifest import RESIDENT


class Offloaded(Derived):
    """A checkpoint whose large networks visit the device layer by layer."""

    def load(self, component: str, network: nn.Module, *, dtype: torch.dtype, device: torch.device) -> nn.Module:
        """As the base does, but for where the weights are kept. Raises WeightsUnavailable."""
        if component in RESIDENT:
            loaded: Any = self.base.load(component, network, dtype=dtype, device=device)
            if component == "vae":
                loaded.enable_gradient_checkpointing()
            return loaded
        return visiting(self.base.load(component, network, dtype=dtype, device=torch.device("cpu")), device)


@dataclass(frozen=True, eq=False)
class Visit:
    """Brings a layer's own weights to the device for as long as it runs."""

    device: torch.device
    home: dict[str, Tensor]

    def begin(self, layer: nn.Module, _inputs: Any) -> None:
        """Before the layer runs."""
        for name, tensor in self.home.items():
            there = tensor.to(self.device, non_blocking=True)
            setattr(layer, name, nn.Parameter(there, False) if isinstance(tensor, nn.Parameter) else there)

    def end(self, layer: nn.Module, _inputs: Any, _output: Any) -> None:
        """After it; the copies on the device are dropped, for frozen weights need no way back."""
        for name, tensor in self.home.items():
            setattr(layer, name, tensor)


def visiting(network: nn.Module, device: torch.device) -> nn.Module:
    """The frozen network, on the CPU, with layers that run on `device`; for use without gradients."""
    for layer in network.modules():
        for name, parameter in layer.named_parameters(recurse=False):
            if torch.accelerator.is_available():  # Copying then need not wait for the card.
                setattr(layer, name, nn.Parameter(parameter.pin_memory(), False))
        home = {**dict(layer.named_parameters(recurse=False)), **dict(layer.named_buffers(recurse=False))}
        if home:
            visit = Visit(device, home)
            layer.register_forward_pre_hook(visit.begin)
            layer.register_forward_hook(visit.end, always_call=True)
    return network
