"""Where tensors and networks live."""

import torch

from dreamgaussian.core.errors import BackendUnavailable


def choose_device(name: str) -> torch.device:
    """`auto` is the GPU that torch sees, or else the CPU. Raises BackendUnavailable for one that is not there."""
    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        device = torch.device(name)
        torch.zeros(1, device=device)
    except (RuntimeError, AssertionError) as error:
        reason = str(error).splitlines()[0].rstrip(".")
        raise BackendUnavailable(f"The device {name!r} cannot be used ({reason}). Try --device cpu.") from error
    return device
