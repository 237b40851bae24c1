"""The mesh stage: Gaussians in, a textured mesh out; a run's Gaussians and those made elsewhere alike."""

from collections.abc import Iterator
from dataclasses import dataclass, replace

import torch

from dreamgaussian.core.axes import Axes
from dreamgaussian.core.framing import frame_gaussians
from dreamgaussian.core.gaussians import Gaussians
from dreamgaussian.core.mesh import Mesh
from dreamgaussian.core.transform import to_y_up
from dreamgaussian.inputs.subject import Subject
from dreamgaussian.meshing.build import mesh_steps
from dreamgaussian.meshing.extract import Outline
from dreamgaussian.meshing.settings import MeshSettings
from dreamgaussian.raster import Rasterizer
from dreamgaussian.texture.bake import BakeView, bake, bake_cameras, input_views
from dreamgaussian.texture.settings import BakeSettings

MESH_STAGES = ("Views", "Surface", "Texture")
"""What `mesh_gaussians` does, in this order."""


@dataclass(frozen=True, eq=False)
class MeshProgress:
    """How far a mesh is that is made or textured in several stages."""

    stage: str
    """The stage at work, as a progress bar names it: one of MESH_STAGES, or Atlas where a given mesh is textured."""
    done: float
    """Of `total`."""
    total: int
    mesh: Mesh | None = None
    """The textured mesh, at the latest in the last step."""


def mesh_gaussians(
    gaussians: Gaussians,
    rasterizer: Rasterizer,
    settings: MeshSettings = MeshSettings(),
    bake_settings: BakeSettings = BakeSettings(),
    subject: Subject | None = None,
) -> Iterator[MeshProgress]:
    """A textured mesh of Gaussians that lie where a run's do: around the origin, within its cameras' sight.

    Args:
        gaussians: on the rasteriser's device.
        rasterizer: draws the views that show the outlines and the colours.
        settings: of the surface.
        bake_settings: of the texture.
        subject: what the Gaussians were fitted to. The surface is made to fill the outlines of its images, and the
            texture takes their pixels; None for Gaussians without images.

    Returns:
        Steps; the last has the mesh.

    Raises:
        EmptyResult: there is no surface.
        Diverged: the Gaussians are not finite.
    """
    cameras = bake_cameras(bake_settings.view_size)
    images = () if subject is None else subject.views
    views: list[BakeView] = []
    for view in gaussian_views(gaussians, rasterizer, bake_settings):
        views.append(view)
        yield MeshProgress("Views", len(views), len(cameras))
    outlines = [view.outline for view in views]
    true_outlines = [Outline(view.image[..., 3], view.camera) for view in images]
    bare: Mesh | None = None
    for step in mesh_steps(gaussians, settings, outlines, true_outlines):
        bare = step.mesh
        yield MeshProgress("Surface", step.percent, 100)
    assert bare is not None
    yield MeshProgress("Texture", 0, 1)
    if subject is not None:
        views += input_views(subject)
    mesh = bake(bare, views, settings.texture_size, bake_settings)
    yield MeshProgress("Texture", 1, 1, mesh)


def mesh_scene(
    gaussians: Gaussians,
    rasterizer: Rasterizer,
    settings: MeshSettings = MeshSettings(),
    bake_settings: BakeSettings = BakeSettings(),
    axes: Axes = Axes(),
) -> Iterator[MeshProgress]:
    """A textured mesh of Gaussians wherever they lie and however large they are, in their own place but upright.

    As `mesh_gaussians`, after the scene was brought into a run's frame; `axes` are those of the scene.
    """
    framed, framing = frame_gaussians(to_y_up(gaussians, axes))
    for step in mesh_gaussians(framed, rasterizer, settings, bake_settings):
        mesh = step.mesh
        yield step if mesh is None else replace(step, mesh=replace(mesh, vertices=framing.denormalize(mesh.vertices)))


@torch.no_grad()
def gaussian_views(gaussians: Gaussians, rasterizer: Rasterizer, settings: BakeSettings) -> Iterator[BakeView]:
    """The Gaussians from all sides, for back-projection."""
    for camera in bake_cameras(settings.view_size):
        render = rasterizer.render(gaussians, camera)
        yield BakeView(render.color, render.alpha, camera, depth=render.expected_depth)
