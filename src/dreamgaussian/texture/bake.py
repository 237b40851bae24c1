"""Back-projection: images of the object onto the texels of its mesh.

Every texel is the mean of all views that see it, weighted by how squarely they do. A view fades out towards
silhouettes and depth edges, where a slight misfit of the surface would put the background on it, so that no view
begins or ends abruptly: there are no seams between views. An input image outweighs the others and fades out towards
its outline alone.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace

import torch
from jaxtyping import Float
from torch import Tensor

from dreamgaussian.core.camera import DEFAULT_FOVY_DEG, DEFAULT_RADIUS, Camera
from dreamgaussian.core.errors import InputError
from dreamgaussian.core.image import unpremultiply
from dreamgaussian.core.mesh import Mesh
from dreamgaussian.inputs.subject import Subject
from dreamgaussian.meshing.extract import Outline
from dreamgaussian.raster.mesh import MeshScene, sample
from dreamgaussian.texture.fill import SurfaceInpainter, fill_unseen, nearest_texels
from dreamgaussian.texture.settings import BakeSettings
from dreamgaussian.texture.views import Texels, VisibleTexels, locate_texels, view_visibility, visible_texels

LARGEST_EXPOSURE = 0.25
"""Differences of colour beyond this are of another thing, not of exposure."""
EXPOSURE_PULL = 100.0
"""Certainty (`SurfaceInpainter.solve`) of the exposure where the input sees the surface squarely."""


@dataclass(frozen=True, eq=False)
class BakeView:
    """An image of the object, of the camera's size."""

    color: Float[Tensor, "h w 3"]
    """sRGB, premultiplied by alpha."""
    alpha: Float[Tensor, "h w"]
    camera: Camera
    is_input: bool = False
    """An input image, which decides what it shows; others are rendered from the Gaussians."""
    depth: Float[Tensor, "h w"] | None = None
    """Of the Gaussians that are seen, along the viewing axis."""

    @property
    def outline(self) -> Outline:
        """What the mesh stage needs of the view."""
        return Outline(self.alpha, self.camera, self.depth)


def bake_cameras(size: int, radius: float = DEFAULT_RADIUS, fovy_deg: float = DEFAULT_FOVY_DEG) -> list[Camera]:
    """The paper's views: 8 azimuths at 3 elevations, the top and the bottom."""
    angles = [(azimuth, elevation) for elevation in (0, 45, -45) for azimuth in range(0, 360, 45)]
    angles += [(0, 90), (0, -90)]
    return [Camera.orbit(a, e, size, radius=radius, fovy_deg=fovy_deg) for a, e in angles]


def input_views(subject: Subject) -> list[BakeView]:
    """The input images, which outweigh the others."""
    return [
        BakeView(rgb * alpha, alpha[..., 0], view.camera, is_input=True)
        for view in subject.views
        for rgb, alpha in [view.image.split([3, 1], dim=-1)]
    ]


@torch.no_grad()
def bake(mesh: Mesh, views: Iterable[BakeView], size: int, settings: BakeSettings = BakeSettings()) -> Mesh:
    """The mesh with an albedo of `size` x `size` texels from the views; those that no view sees are inpainted.

    Raises InputError if the mesh has no texture coordinates or no view sees it.
    """
    scene = MeshScene(mesh.vertices, mesh.faces)
    texels = locate_texels(mesh, scene, size)
    rendered, given = _Blend(texels), _Blend(texels)
    for view in views:
        feather = settings.input_feather if view.is_input else settings.feather
        visibility = view_visibility(scene, view.camera, feather, view.alpha, is_truth=view.is_input)
        (given if view.is_input else rendered).add(view, visible_texels(texels, visibility, settings.cosine_power))
    if not bool((rendered.weights + given.weights > 0).any()):
        raise InputError("None of the views sees the mesh: there is nothing to make a texture of.")
    inpainter = SurfaceInpainter(mesh, scene, texels.fragments)
    matched = rendered.colors + _exposure(inpainter, rendered, given)
    weights = rendered.weights + settings.input_strength * given.weights
    share = (settings.input_strength * given.weights / weights.clamp_min(1e-12))[:, None]
    colors = fill_unseen(inpainter, (share * given.colors + (1 - share) * matched).clamp(0, 1), weights)
    return replace(mesh, albedo=colors[nearest_texels(texels.fragments)])


class _Blend:
    """The weighted mean of what views show of the texels."""

    def __init__(self, texels: Texels) -> None:
        self._sums = torch.zeros(len(texels.positions), 3)
        self.weights = torch.zeros(len(texels.positions))

    def add(self, view: BakeView, visible: VisibleTexels) -> None:
        image = torch.cat([view.color, view.alpha[..., None]], dim=-1).to(self._sums)
        colors = unpremultiply(sample(image, visible.uvs))[:, :3]
        self._sums.index_add_(0, visible.indices, visible.weights[:, None] * colors)
        self.weights.index_add_(0, visible.indices, visible.weights)

    @property
    def colors(self) -> Float[Tensor, "k 3"]:
        return self._sums / self.weights.clamp_min(1e-12)[:, None]


def _exposure(inpainter: SurfaceInpainter, rendered: _Blend, given: _Blend) -> Float[Tensor, "k 3"]:
    """What the rendered views' colours lack of the input's where both see the surface, carried on smoothly to where
    the input does not: no step in brightness is left between them.
    """
    both = EXPOSURE_PULL * given.weights * (rendered.weights > 0)
    if not bool((both > 0).any()):
        return torch.zeros_like(rendered.colors)
    lacking = given.colors - rendered.colors
    is_exposure = lacking.abs().amax(dim=1, keepdim=True) < LARGEST_EXPOSURE
    return inpainter.solve(lacking * is_exposure, both, decay=True)
