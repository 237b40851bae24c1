"""Both networks in one safetensors file, float16, with their sizes in its header."""

import json
from dataclasses import asdict
from importlib.resources import files
from pathlib import Path
from typing import Any

from torch import Tensor

from dreamgaussian.core.errors import WeightsUnavailable
from dreamgaussian.core.files import atomic_path
from dreamgaussian.priors.mini.denoiser import Denoiser, DenoiserConfig
from dreamgaussian.priors.mini.lifter import Lifter, LifterConfig


def shipped_weights() -> Path:
    """The file that comes with the package."""
    return Path(str(files("dreamgaussian") / "weights" / "mini.safetensors"))


def save_weights(path: Path, lifter: Lifter, denoiser: Denoiser, notes: dict[str, str]) -> None:
    """Write both networks; `notes` go into the header beside their sizes."""
    from safetensors.torch import save_file

    tensors: dict[str, Tensor] = {}
    for name, network in (("lifter", lifter), ("denoiser", denoiser)):
        for key, value in network.state_dict().items():
            tensors[f"{name}.{key}"] = value.detach().cpu().half().contiguous()
    sizes = {"lifter": json.dumps(asdict(lifter.config)), "denoiser": json.dumps(asdict(denoiser.config))}
    with atomic_path(path) as temporary:
        save_file(tensors, temporary, metadata={**notes, **sizes})


def load_weights(path: Path) -> tuple[Lifter, Denoiser]:
    """Both networks in float32, ready to use. Raises WeightsUnavailable where the file is missing or broken."""
    from safetensors import SafetensorError, safe_open

    if not path.is_file():
        raise WeightsUnavailable(
            f"The weights of the mini prior are not at {path}. They come with the package: install it again, "
            "or make them with `python -m factory train` and `python -m factory export`."
        )
    try:
        with safe_open(path, framework="pt") as file:
            sizes = {name: _sizes(file.metadata()[name]) for name in ("lifter", "denoiser")}
            sizes["lifter"].setdefault("start", "balls")  # the first three versions do not name theirs
            tensors = {key: file.get_tensor(key).float() for key in file.keys()}  # noqa: SIM118
        networks = (Lifter(LifterConfig(**sizes["lifter"])), Denoiser(DenoiserConfig(**sizes["denoiser"])))
        for name, network in zip(sizes, networks, strict=True):
            prefix = f"{name}."
            network.load_state_dict({k.removeprefix(prefix): v for k, v in tensors.items() if k.startswith(prefix)})
    except (SafetensorError, KeyError, TypeError, ValueError, RuntimeError) as error:
        raise WeightsUnavailable(
            f"{path} does not hold the mini prior's weights ({error}). Install the package again, or give another file."
        ) from error
    for network in networks:
        network.eval().requires_grad_(False)
    return networks


def _sizes(text: str) -> dict[str, Any]:
    """JSON has no tuples."""
    return {name: tuple(size) if isinstance(size, list) else size for name, size in json.loads(text).items()}
