"""Gaussians as .splat, the 32-byte format of antimatter15/splat that web viewers stream."""

from pathlib import Path

import numpy as np
import torch

from dreamgaussian.core.errors import InputError
from dreamgaussian.core.files import atomic_path
from dreamgaussian.core.gaussians import SH_C0, Gaussians
from dreamgaussian.core.image import to_float, to_uint8

RECORD = np.dtype(
    [
        ("position", "<f4", 3),  # bytes 0 to 11: the mean, in world units
        ("scale", "<f4", 3),  # 12 to 23: standard deviations
        ("rgba", "u1", 4),  # 24 to 27: sRGB and opacity, in steps of 1/255
        ("rotation", "u1", 4),  # 28 to 31: a unit quaternion wxyz, 128 + 128 q
    ]
)
MIN_SCALE = 1e-9
"""What a standard deviation of zero is read as: it has no logarithm."""


def read(path: Path) -> Gaussians:
    """Read Gaussians of degree 0. Raises InputError for what is not a whole number of records."""
    content = path.read_bytes()
    if len(content) % RECORD.itemsize:
        raise InputError(
            f"{path} is cut short or no .splat: its {len(content)} bytes are no multiple of {RECORD.itemsize}. "
            "Copy or export it again."
        )
    records = np.frombuffer(content, RECORD)
    rgba = torch.from_numpy(to_float(records["rgba"]))
    return Gaussians(
        means=torch.from_numpy(records["position"].copy()),
        log_scales=torch.from_numpy(records["scale"].copy()).clamp_min(MIN_SCALE).log(),
        quats_wxyz=torch.from_numpy(records["rotation"].astype(np.float32)) / 128 - 1,
        opacity_logits=logit_of_byte(rgba[:, 3]),
        sh=((rgba[:, :3] - 0.5) / SH_C0)[:, None],
    )


def write(gaussians: Gaussians, path: Path) -> None:
    """Write the Gaussians, those that are seen most first; view-dependent colour is left out."""
    with atomic_path(path) as temporary:
        temporary.write_bytes(splat_bytes(gaussians))


def splat_bytes(gaussians: Gaussians) -> bytes:
    """One record a Gaussian, in the order of volume x opacity."""
    values = gaussians.detach().to(device="cpu", dtype=torch.float32)
    importance = values.log_scales.sum(dim=1) + values.opacities.log()
    values = values[importance.argsort(descending=True, stable=True)]
    colors = torch.cat([values.base_colors, values.opacities[:, None]], dim=1)
    rotations = torch.nn.functional.normalize(values.quats_wxyz, dim=1)
    records = np.zeros(len(values), RECORD)
    records["position"] = values.means
    records["scale"] = values.scales
    records["rgba"] = to_uint8(colors)
    records["rotation"] = (rotations * 128 + 128).round().clamp(0, 255)
    return records.tobytes()


def logit_of_byte(opacity: torch.Tensor) -> torch.Tensor:
    """Logits of opacities that were rounded to multiples of 1/255; those of 0 and 1 are finite."""
    return opacity.clamp(0.5 / 255, 254.5 / 255).logit()
