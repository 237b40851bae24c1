"""The mesh stage: Gaussians in, a clean mesh with an atlas out."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from dreamgaussian.core.gaussians import Gaussians
from dreamgaussian.core.mesh import Mesh
from dreamgaussian.meshing.clean import clean, close_cavities, decimate, keep_solids
from dreamgaussian.meshing.displacement import fill_concavities, smooth_along_rays
from dreamgaussian.meshing.extract import Outline, extract_surface, fit_iso_level, match_true_outlines
from dreamgaussian.meshing.field import add_gaussians, empty_field
from dreamgaussian.meshing.fusion import SURFACE, fuse
from dreamgaussian.meshing.manifold import closed_manifold
from dreamgaussian.meshing.normal_map import bake_normals
from dreamgaussian.meshing.quads import need_remesher, remeshed
from dreamgaussian.meshing.settings import MeshSettings
from dreamgaussian.meshing.unwrap import unwrap

PAPERS_LEVEL = 1.0
FIELD_PERCENT = 50
"""Share of the field in the work, in what `mesh_steps` reports."""


@dataclass(frozen=True, eq=False)
class MeshStep:
    """How far the mesh stage is."""

    percent: float
    mesh: Mesh | None = None


def build_mesh(
    gaussians: Gaussians,
    settings: MeshSettings = MeshSettings(),
    outlines: Sequence[Outline] = (),
    true_outlines: Sequence[Outline] = (),
) -> Mesh:
    """The surface of the Gaussians as a clean mesh with texture coordinates, still without a texture.

    Args:
        gaussians: of any origin, inside the ball that the default cameras see.
        settings: of the mesh stage.
        outlines: of the Gaussians, from several sides; they decide the surface's level where the settings leave it
            open, and without them it is the paper's. The `tsdf` method needs their depths.
        true_outlines: of the input images; the surface is made to fill them exactly.

    Raises:
        EmptyResult: there is no surface.
        Diverged: the Gaussians are not finite.
    """
    *_, last = mesh_steps(gaussians, settings, outlines, true_outlines)
    assert last.mesh is not None
    return last.mesh


def mesh_steps(
    gaussians: Gaussians,
    settings: MeshSettings = MeshSettings(),
    outlines: Sequence[Outline] = (),
    true_outlines: Sequence[Outline] = (),
) -> Iterator[MeshStep]:
    """`build_mesh` step by step; the last one has the mesh."""
    if settings.remesh:
        need_remesher()
    field = empty_field(gaussians, settings.resolution)
    if settings.method == "tsdf":
        level = SURFACE
        for share in fuse(field, outlines):
            yield MeshStep(FIELD_PERCENT * share)
    else:
        for share in add_gaussians(field, gaussians):
            yield MeshStep(FIELD_PERCENT * share)
        level = settings.density or PAPERS_LEVEL
        if settings.density is None and outlines:
            field, level = fit_iso_level(field, outlines[::2])
    width = settings.displacement_width if len(true_outlines) == 1 else 0
    if width:
        field = fill_concavities(field, level, width)
    field = match_true_outlines(field, level, true_outlines)
    detailed = clean(extract_surface(close_cavities(field, level, settings.opening), level), settings)
    if width:
        detailed = smooth_along_rays(detailed, true_outlines[0].camera, width)
    simple = (remeshed if settings.remesh else decimate)(detailed, settings.faces)
    solid = keep_solids(closed_manifold(simple), settings.min_component)
    mesh = unwrap(solid, settings.texture_size)
    if settings.normal_map:
        mesh = bake_normals(mesh, detailed, settings.texture_size)
    yield MeshStep(100.0, mesh)
