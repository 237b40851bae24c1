"""A stand-in for a UNet that remembers what it was asked."""

from typing import Any

import torch
from torch import Tensor, nn


class Recorder(nn.Module):
    """Returns `value` everywhere and keeps its arguments."""

    def __init__(self, value: float = 0.0) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(1), requires_grad=False)
        self.value = value
        self.calls: list[tuple[Any, ...]] = []

    def forward(self, x: Tensor, steps: Tensor, *rest: Any, **options: Any) -> Any:
        """The first four channels' shape, filled."""
        told = [options[key] for key in ("encoder_hidden_states", "added_cond_kwargs") if key in options]
        self.calls.append((x, steps, *rest, *told))
        output = torch.full_like(x[:, :4], self.value)
        return (output,) if "return_dict" in options else output
