"""Gaussians as .splat, the 32-byte format of antimatter15/splat that web viewers stream."""

from pathlib import Path

import numpy as np
import torch

from dreamgaussian.files import atomic_path
from dreamgaussian.gaussians import Gaussians

RECORD = np.dtype([("position", "<f4", 3), ("scale", "<f4", 3), ("rgba", "u1", 4), ("rotation", "u1", 4)])
"""World units; standard deviations; sRGB and opacity as bytes; unit quaternion wxyz as bytes, 128 + 128 q."""


def write_splat(gaussians: Gaussians, path: Path) -> None:
    """Write the Gaussians, those that are seen most first; view-dependent colour is left out."""
    with atomic_path(path) as temporary:
        temporary.write_bytes(splat_bytes(gaussians))


def splat_bytes(gaussians: Gaussians) -> bytes:
    """One record a Gaussian, in the order of volume x opacity."""
    values = gaussians.detach().to(device="cpu", dtype=torch.float32)
    importance = values.log_scales.sum(dim=1) + values.opacities.log()
    values = values[importance.argsort(descending=True, stable=True)]
    colors = torch.cat([values.base_colors, values.opacities[:, None]], dim=1).clamp(0, 1)
    rotations = torch.nn.functional.normalize(values.quats_wxyz, dim=1)
    records = np.zeros(len(values), RECORD)
    records["position"] = values.means
    records["scale"] = values.scales
    records["rgba"] = (colors * 255).round()
    records["rotation"] = (rotations * 128 + 128).round().clamp(0, 255)
    return records.tobytes()
