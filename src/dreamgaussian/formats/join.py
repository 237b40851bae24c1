"""Several meshes as one, and their images on one atlas."""

import math
from collections.abc import Sequence

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn.functional import interpolate

from dreamgaussian.core.mesh import Mesh

MAX_SIDE = 8192
"""Side of the largest atlas, in pixels."""
GREY = 0.8
"""Colour, in all three channels, of parts without an image, where others have one."""


def join(parts: Sequence[Mesh]) -> Mesh:
    """One mesh of all parts, which is empty where there are none. Several images become tiles of one square atlas.

    Parts that share an image share its tile; an image that all share stays as it is. A tile is as large as the largest
    image, unless the atlas would outgrow MAX_SIDE. Texture coordinates outside [0, 1] are brought inside, which is
    right for faces that lie within one repetition. Normal maps are kept of a single part only.
    """
    if len(parts) == 0:
        return Mesh(torch.zeros(0, 3), torch.zeros(0, 3, dtype=torch.int64))
    if len(parts) == 1:
        return parts[0]
    offsets = torch.tensor([0, *(len(part.vertices) for part in parts)]).cumsum(0).tolist()
    vertices = torch.cat([part.vertices for part in parts])
    faces = torch.cat([part.faces + offset for part, offset in zip(parts, offsets, strict=False)])
    if all(part.albedo is None for part in parts):
        return Mesh(vertices, faces)
    images = list({id(part.albedo): part.albedo for part in parts}.values())
    if len(images) == 1:
        return Mesh(vertices, faces, torch.cat([_uvs(part) for part in parts]), images[0])
    across = math.ceil(math.sqrt(len(images)))
    side = min(MAX_SIDE // across, max(max(image.shape[:2]) for image in images if image is not None))
    atlas = torch.full((across * side, across * side, 3), GREY)
    tiles: dict[int, Tensor] = {}
    for i, image in enumerate(images):
        row, column = divmod(i, across)
        tiles[id(image)] = torch.tensor([column, row])
        if image is not None:
            atlas[row * side : (row + 1) * side, column * side : (column + 1) * side] = _resized(image, side)
    uvs: list[Tensor] = []
    for part in parts:
        margin = 0.5 / side  # so that no neighbouring tile bleeds in
        uvs.append((wrapped(_uvs(part)).clamp(margin, 1 - margin) + tiles[id(part.albedo)]) / across)
    return Mesh(vertices, faces, torch.cat(uvs), atlas)


def _uvs(part: Mesh) -> Float[Tensor, "v 2"]:
    return torch.zeros(len(part.vertices), 2) if part.uvs is None else part.uvs


def wrapped(uvs: Float[Tensor, "v 2"]) -> Float[Tensor, "v 2"]:
    """Texture coordinates in [0, 1]: those already there stay as they are, others lose their whole part."""
    return torch.where((uvs < 0) | (uvs > 1), uvs - uvs.floor(), uvs)


def _resized(image: Float[Tensor, "h w 3"], side: int) -> Float[Tensor, "side side 3"]:
    if image.shape[:2] == (side, side):
        return image
    resized = interpolate(image.permute(2, 0, 1)[None], (side, side), mode="bilinear", antialias=True)
    return resized[0].permute(1, 2, 0)
