"""Gaussians as binary glTF 2.0 with KHR_gaussian_splatting, as Khronos ratified it (2026).

One primitive of points: means, unit rotations xyzw, standard deviations, opacities and harmonics, all float32, in
glTF's frame, which is ours. COLOR_0 is what programs that do not know the extension show as points.
"""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch.nn.functional import normalize

from dreamgaussian.core.files import atomic_path
from dreamgaussian.core.gaussians import Gaussians
from dreamgaussian.core.image import srgb_to_linear, to_uint8
from dreamgaussian.formats.gltf import Document, GltfBuffer, accessor_array, container, read_container
from dreamgaussian.formats.splat import MIN_SCALE

EXTENSION = "KHR_gaussian_splatting"
POINTS = 0
KIND = {
    "kernel": "ellipse",
    "colorSpace": "srgb_rec709_display",
    "projection": "perspective",
    "sortingMethod": "cameraDistance",
}
OPACITY_MARGIN = 2.0**-24
"""An opacity of exactly 0 or 1 is read as this far inside: it has no logit."""


def holds(path: Path) -> bool:
    """Whether a .glb has Gaussians."""
    return EXTENSION in read_container(path)[0].get("extensionsUsed", [])


def read(path: Path) -> Gaussians:
    """Read the Gaussians of all primitives. Raises ValueError for those that are turned or scaled by a node."""
    document, binary = read_container(path)
    if any({"matrix", "rotation", "scale"} & node.keys() for node in document["nodes"] if "mesh" in node):
        raise ValueError("its Gaussians are turned or scaled by a node, which is not read")
    sets = [
        _primitive(document, binary, primitive["attributes"], node.get("translation", [0, 0, 0]))
        for node in document["nodes"]
        if "mesh" in node
        for primitive in document["meshes"][node["mesh"]]["primitives"]
        if EXTENSION in primitive.get("extensions", {})
    ]
    if not sets:
        raise ValueError("no primitive has Gaussians")
    return Gaussians.concatenate(_same_degree(sets))


def write(gaussians: Gaussians, path: Path) -> None:
    """Write the Gaussians. Scales and opacities are stored as they act, not as logarithms and logits."""
    values = gaussians.detach().to(device="cpu", dtype=torch.float32)
    colors = torch.cat([srgb_to_linear(values.base_colors.clamp(0, 1)), values.opacities[:, None]], dim=1)
    arrays = {
        "POSITION": values.means,
        "COLOR_0": torch.from_numpy(to_uint8(colors)),
        f"{EXTENSION}:ROTATION": normalize(values.quats_wxyz, dim=1).roll(-1, dims=1),
        f"{EXTENSION}:SCALE": values.scales,
        f"{EXTENSION}:OPACITY": values.opacities,
    }
    arrays |= {name: values.sh[:, i] for i, name in enumerate(_harmonics(values.sh_degree))}
    buffer = GltfBuffer()
    attributes = {
        name: buffer.add_attribute(array.numpy(), normalized=name == "COLOR_0", bounds=name == "POSITION")
        for name, array in arrays.items()
    }
    primitive = {"attributes": attributes, "mode": POINTS, "extensions": {EXTENSION: KIND}}
    document: Document = {
        "asset": {"version": "2.0", "generator": "dreamgaussian"},
        "extensionsUsed": [EXTENSION],
        "scene": 0,
        "scenes": [{"nodes": [0]}],
        "nodes": [{"mesh": 0, "name": "gaussians"}],
        "meshes": [{"name": "gaussians", "primitives": [primitive]}],
    }
    buffer.put_into(document)
    content = container(document, bytes(buffer.data))
    with atomic_path(path) as temporary:
        temporary.write_bytes(content)


def _primitive(document: Document, binary: bytes, attributes: dict[str, int], translation: Any) -> Gaussians:
    def tensor(name: str, columns: int) -> torch.Tensor:
        array = accessor_array(document, binary, attributes[name], columns)
        if len(array) != len(means):
            raise ValueError(f"it has {len(array)} values of {name} for {len(means)} Gaussians")
        return torch.from_numpy(array)

    means = torch.from_numpy(accessor_array(document, binary, attributes["POSITION"], 3))

    names = [name for name in _harmonics(3) if name in attributes]
    degree = {1: 0, 4: 1, 9: 2, 16: 3}.get(len(names))
    if degree is None or names != _harmonics(degree):
        raise ValueError(f"it has {len(names)} coefficients of spherical harmonics")
    opacities = tensor(f"{EXTENSION}:OPACITY", 1)[:, 0]
    return Gaussians(
        means=means + torch.from_numpy(np.array(translation, np.float32)),
        log_scales=tensor(f"{EXTENSION}:SCALE", 3).clamp_min(MIN_SCALE).log(),
        quats_wxyz=tensor(f"{EXTENSION}:ROTATION", 4).roll(1, dims=1),
        opacity_logits=opacities.clamp(OPACITY_MARGIN, 1 - OPACITY_MARGIN).logit(),
        sh=torch.stack([tensor(name, 3) for name in names], dim=1),
    )


def _same_degree(sets: list[Gaussians]) -> list[Gaussians]:
    """Sets with their harmonics filled up with zeros to the largest degree among them."""
    most = max(part.sh.shape[1] for part in sets)
    filled = [torch.cat([part.sh, part.sh.new_zeros(len(part), most - part.sh.shape[1], 3)], dim=1) for part in sets]
    return [replace(part, sh=sh) for part, sh in zip(sets, filled, strict=True)]


def _harmonics(degree: int) -> list[str]:
    """The attributes' names, in our order, which is the extension's: by degree, then order."""
    return [f"{EXTENSION}:SH_DEGREE_{d}_COEF_{i}" for d in range(degree + 1) for i in range(2 * d + 1)]
