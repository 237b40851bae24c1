"""Files of tensors and settings, checked before a library opens them: safetensors alone, whole, and no pickle.

`option` is the flag that names another place, for messages.
"""

import json
from pathlib import Path
from typing import Any

from torch import Tensor

from dreamgaussian.core.errors import WeightsUnavailable

Shapes = dict[str, tuple[int, ...]]


def read_shapes(path: Path, option: str) -> Shapes:
    """Shape of each tensor of a .safetensors file, of which only the header is read.

    Raises WeightsUnavailable for a file that is cut short, corrupt, or of another kind.
    """
    from safetensors import SafetensorError, safe_open

    if path.suffix != ".safetensors":
        raise WeightsUnavailable(
            f"{path} is not opened: only .safetensors files are, since others may be pickles, which could run any "
            f"code. Give a .safetensors file with {option}."
        )
    try:
        with safe_open(path, framework="pt") as file:
            return {name: tuple(file.get_slice(name).get_shape()) for name in file.keys()}  # noqa: SIM118 - not a dict
    except (SafetensorError, OSError) as error:
        size = f"{path.stat().st_size / 1e6:.1f} MB" if path.exists() else "it is not there"
        raise WeightsUnavailable(
            f"{path} cannot be read: it is cut short or corrupt ({size}). {_remedy(option)}"
        ) from error


def read_tensors(path: Path, option: str) -> dict[str, Tensor]:
    """The tensors of a .safetensors file, mapped into memory. Raises WeightsUnavailable as `read_shapes` does."""
    from safetensors.torch import load_file

    read_shapes(path, option)
    return load_file(path)


def read_json(path: Path, option: str) -> dict[str, Any]:
    """A file of settings. Raises WeightsUnavailable where it cannot be read."""
    try:
        settings = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise WeightsUnavailable(f"{path} cannot be read ({error}). {_remedy(option)}") from error
    if not isinstance(settings, dict):
        raise WeightsUnavailable(f"{path} cannot be read: it holds no settings. {_remedy(option)}")
    return settings


def _remedy(option: str) -> str:
    return f"Delete it and fetch it again, or give another file, folder or hub id with {option}."
