"""A texture for a mesh made elsewhere: the images projected onto it, what they do not show made up by the prior."""

import logging
from collections.abc import Iterator
from dataclasses import replace

import torch

from dreamgaussian.core.errors import InputError
from dreamgaussian.core.framing import frame_for, frame_points
from dreamgaussian.core.mesh import Mesh
from dreamgaussian.core.normals import face_areas
from dreamgaussian.core.transform import to_y_up
from dreamgaussian.guidance.prior import Prior
from dreamgaussian.inputs.subject import Subject
from dreamgaussian.meshing.clean import compact, decimate
from dreamgaussian.meshing.unwrap import unwrap
from dreamgaussian.raster.mesh import MeshScene
from dreamgaussian.texture.bake import bake, input_views
from dreamgaussian.texture.from_gaussians import MeshProgress
from dreamgaussian.texture.refine import refine
from dreamgaussian.texture.settings import RetextureSettings
from dreamgaussian.texture.views import locate_texels

logger = logging.getLogger(__name__)

MAX_FACES = 300_000
"""More triangles than this are not unwrapped: it would take minutes."""
FLAT = 1e-12
"""Area, relative to the square of the mesh's size, below which a face is degenerate."""
OVERLAP = 1.2
"""Texture coordinates that use texels more than this many times on average cannot hold a texture of their own."""
GREY = 0.5
"""Of a mesh of which there is no image."""
ROUNDS = 10
"""Of stage 2 for any prior, where nothing else is set: there are no Gaussians whose colours the far side could have."""
BOLD_START_T = 0.95
"""Noise with which the prior starts on a grey mesh."""
BOLD_INERTIA = 0.05
"""Weight of that grey."""


def texture_mesh(
    mesh: Mesh,
    subject: Subject,
    prior: Prior,
    generator: torch.Generator,
    settings: RetextureSettings = RetextureSettings(),
) -> Iterator[MeshProgress]:
    """The mesh, where it lies but upright, with a new albedo. What the first image shows is its front, which faces
    +z unless `settings.axes` says otherwise.

    Without an image it starts grey and is the prior's alone. Texture coordinates are kept where they are good for it.
    Raises InputError for a mesh that cannot be textured.
    """
    whole = usable(to_y_up(mesh, settings.axes), settings.faces)
    domain = prior.spec.domain
    if subject.views:
        framing = frame_for(whole.vertices, subject.views[0].camera, domain.subject_fill)
    else:
        framing = frame_points(whole.vertices)
    yield MeshProgress("Atlas", 0, 1)
    framed = with_atlas(replace(whole, vertices=framing.normalize(whole.vertices)), settings.texture_size)
    yield MeshProgress("Atlas", 1, 1)

    rounds = settings.refine.rounds(ROUNDS)
    refinement = replace(settings.refine, steps=rounds)
    if subject.views:
        textured = bake(framed, input_views(subject), settings.texture_size, settings.bake)
    else:
        refinement = replace(refinement, start_t=BOLD_START_T, inertia=BOLD_INERTIA)
        textured = replace(framed, albedo=torch.full((settings.texture_size, settings.texture_size, 3), GREY))
    own = replace(textured, vertices=framing.denormalize(textured.vertices))
    yield MeshProgress("Texture", 0, rounds, own)
    for step in refine(textured, prior, subject, generator, refinement, settings.bake):
        yield MeshProgress("Texture", step.step, step.steps, replace(own, albedo=step.mesh.albedo))


def usable(mesh: Mesh, faces: int | None) -> Mesh:
    """The mesh without degenerate faces, simplified to `faces` triangles where they are given.

    Raises InputError where it has no faces, vertices that are not finite, or faces that name vertices which it lacks.
    """
    if mesh.faces.numel() == 0:
        raise InputError("The mesh has no faces. Export it again, as triangles.")
    if not bool(mesh.vertices.isfinite().all()):
        raise InputError("The mesh has vertices that are not finite numbers. Export it again.")
    if int(mesh.faces.min()) < 0 or int(mesh.faces.max()) >= len(mesh.vertices):
        raise InputError(f"The mesh has faces of vertices that it lacks: it has {len(mesh.vertices)}. Export it again.")
    size = float((mesh.vertices.amax(dim=0) - mesh.vertices.amin(dim=0)).norm())
    solid = face_areas(mesh) > FLAT * size**2
    if not bool(solid.any()):
        raise InputError(f"All {len(solid)} faces of the mesh are degenerate: they have no area. Export it again.")
    if not bool(solid.all()):
        logger.warning("%d of %d faces have no area and are left out.", int((~solid).sum()), len(solid))
        mesh = replace(mesh, faces=mesh.faces[solid])
    return mesh if faces is None else decimate(merged(mesh), faces)


def merged(mesh: Mesh) -> Mesh:
    """The bare mesh with vertices at the same place made one."""
    points, same = torch.unique(mesh.vertices, dim=0, return_inverse=True)
    return compact(Mesh(points, same[mesh.faces]))


def with_atlas(mesh: Mesh, texture_size: int) -> Mesh:
    """The mesh with texture coordinates in which every texel belongs to one place: its own, or else new ones.

    Raises InputError where they are missing and the mesh is too large to make some.
    """
    if mesh.uvs is not None and bool(((mesh.uvs >= 0) & (mesh.uvs <= 1)).all()):
        texels = locate_texels(mesh, MeshScene(mesh.vertices, mesh.faces), texture_size)
        flat = Mesh(torch.nn.functional.pad(mesh.uvs, (0, 1)), mesh.faces)
        used = float(face_areas(flat).sum()) * texture_size**2
        if 0 < used < OVERLAP * len(texels.positions):
            return Mesh(mesh.vertices, mesh.faces, mesh.uvs)
        logger.warning("The mesh's texture coordinates overlap: new ones are made.")
    if len(mesh.faces) > MAX_FACES:
        raise InputError(
            f"The mesh has {len(mesh.faces):,} faces and no usable texture coordinates. Pass --faces 100000 to "
            "simplify it, or unwrap it elsewhere."
        )
    return unwrap(merged(mesh), texture_size)
