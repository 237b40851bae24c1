"""From Gaussians to a textured mesh: what a run does after its fit, also for Gaussians made elsewhere."""

from collections.abc import Iterator
from dataclasses import dataclass, replace

import torch

from dreamgaussian.core.axes import Axes
from dreamgaussian.core.framing import frame_gaussians
from dreamgaussian.core.gaussians import Gaussians
from dreamgaussian.core.mesh import Mesh
from dreamgaussian.core.transform import upright
from dreamgaussian.meshing.build import mesh_steps
from dreamgaussian.meshing.settings import MeshSettings
from dreamgaussian.raster import Rasterizer
from dreamgaussian.texture.bake import BakeView, bake, bake_cameras
from dreamgaussian.texture.settings import BakeSettings


@dataclass(frozen=True, eq=False)
class MeshingStep:
    """Where the work stands."""

    stage: str
    """Views, Surface, Texture."""
    done: float
    total: int
    mesh: Mesh | None = None
    """The textured mesh, in the last step."""


def mesh_scene(
    gaussians: Gaussians,
    rasterizer: Rasterizer,
    settings: MeshSettings = MeshSettings(),
    bake_settings: BakeSettings = BakeSettings(),
    axes: Axes = Axes(),
) -> Iterator[MeshingStep]:
    """A textured mesh of Gaussians wherever they lie and however large they are, in their own place but upright.

    Raises EmptyResult if there is no surface, Diverged if the Gaussians are not finite.
    """
    framed, framing = frame_gaussians(upright(gaussians, axes))
    cameras = bake_cameras(bake_settings.view_size)
    views: list[BakeView] = []
    for view in gaussian_views(framed, rasterizer, bake_settings):
        views.append(view)
        yield MeshingStep("Views", len(views), len(cameras))
    bare: Mesh | None = None
    for step in mesh_steps(framed, settings, [view.outline for view in views]):
        bare = step.mesh
        yield MeshingStep("Surface", step.percent, 100)
    assert bare is not None
    yield MeshingStep("Texture", 0, 1)
    mesh = bake(bare, views, settings.texture_size, bake_settings)
    yield MeshingStep("Texture", 1, 1, replace(mesh, vertices=framing.leave(mesh.vertices)))


@torch.no_grad()
def gaussian_views(gaussians: Gaussians, rasterizer: Rasterizer, settings: BakeSettings) -> Iterator[BakeView]:
    """The Gaussians from all sides, for back-projection."""
    for camera in bake_cameras(settings.view_size):
        render = rasterizer.render(gaussians, camera)
        yield BakeView(render.color, render.alpha, camera, depth=render.expected_depth)
