"""The mesh stage: Gaussians in, a clean mesh with an atlas out."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from dreamgaussian.core.gaussians import Gaussians
from dreamgaussian.core.mesh import Mesh
from dreamgaussian.meshing.clean import clean, decimate, keep_solids, seal
from dreamgaussian.meshing.extract import Outline, extract_surface, match_outlines, match_true_outlines
from dreamgaussian.meshing.field import empty_field, fill
from dreamgaussian.meshing.fusion import SURFACE, fuse
from dreamgaussian.meshing.manifold import closed_manifold
from dreamgaussian.meshing.normal_map import bake_normals
from dreamgaussian.meshing.quads import need_remesher, remeshed
from dreamgaussian.meshing.relief import fill_grooves, settle
from dreamgaussian.meshing.settings import MeshSettings
from dreamgaussian.meshing.unwrap import unwrap

PAPERS_LEVEL = 1.0
FIELD_PERCENT = 50
"""Of the work, in what `mesh_steps` reports."""


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

    `outlines`, of the Gaussians from several sides, tell the surface's density where the settings leave it open;
    without them it is the paper's. The surface is made to fill `true_outlines`, those of the input images, exactly.
    Raises EmptyResult if there is no surface, Diverged if the Gaussians are not finite.
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
        for share in fill(field, gaussians):
            yield MeshStep(FIELD_PERCENT * share)
        level = settings.density or PAPERS_LEVEL
        if settings.density is None and outlines:
            field, level = match_outlines(field, outlines[::2])
    relief = settings.relief if len(true_outlines) == 1 else 0
    if relief:
        field = fill_grooves(field, level, relief)
    field = match_true_outlines(field, level, true_outlines)
    detailed = clean(extract_surface(seal(field, level, settings.opening), level), settings)
    if relief:
        detailed = settle(detailed, true_outlines[0].camera, relief)
    simple = (remeshed if settings.remesh else decimate)(detailed, settings.faces)
    solid = keep_solids(closed_manifold(simple), settings.min_component)
    mesh = unwrap(solid, settings.texture_size)
    if settings.normal_map:
        mesh = bake_normals(mesh, detailed, settings.texture_size)
    yield MeshStep(100.0, mesh)
