"""Files of weights and settings, read as data only; what cannot be read is told in one line with the way out.

`option` is the flag that names another place.
"""

import json
import pickle
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from dreamgaussian.core.errors import WeightsUnavailable


def read_shapes(path: Path, option: str) -> dict[str, tuple[int, ...]]:
    """Shape of each tensor of a file. Raises WeightsUnavailable as `read_tensors` does."""
    if path.suffix != ".safetensors":
        return {name: tuple(tensor.shape) for name, tensor in read_tensors(path, option)}
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(path, framework="pt") as file:
            return {name: tuple(file.get_slice(name).get_shape()) for name in file.keys()}  # noqa: SIM118 - not a dict
    except (SafetensorError, OSError) as error:
        raise _unreadable(path, option) from error


def read_tensors(path: Path, option: str) -> Iterator[tuple[str, Tensor]]:
    """The tensors of a .safetensors file, or of a .bin file, of which nothing but tensors is read.

    Raises WeightsUnavailable for a file that is cut short, corrupt or holds anything else.
    """
    from safetensors import SafetensorError, safe_open

    try:
        if path.suffix == ".safetensors":
            with safe_open(path, framework="pt") as file:
                for name in file.keys():  # noqa: SIM118 - not a dict
                    yield name, file.get_tensor(name)
        else:
            yield from torch.load(path, map_location="cpu", weights_only=True).items()
    except (SafetensorError, EOFError, RuntimeError, OSError) as error:
        raise _unreadable(path, option) from error
    except (pickle.UnpicklingError, AttributeError) as error:
        raise WeightsUnavailable(
            f"{path} is a pickle that holds more than tensors; it is not opened, since it could run any code. Give "
            f"a .safetensors file with {option}."
        ) from error


def read_json(path: Path, option: str) -> dict[str, Any]:
    """A file of settings. Raises WeightsUnavailable where it cannot be read."""
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise WeightsUnavailable(f"{path} cannot be read ({error}). {_remedy(option)}") from error


def _unreadable(path: Path, option: str) -> WeightsUnavailable:
    size = f"{path.stat().st_size / 1e6:.1f} MB"
    return WeightsUnavailable(f"{path} cannot be read: it is cut short or corrupt ({size}). {_remedy(option)}")


def _remedy(option: str) -> str:
    return f"Delete it and fetch it again, or give another file, folder or hub id with {option}."
