"""The mesh stage: Gaussians in, a clean mesh with an atlas out."""

from dreamgaussian.gaussians import Gaussians
from dreamgaussian.mesh.clean import clean, seal
from dreamgaussian.mesh.extract import extract_surface, surface_level
from dreamgaussian.mesh.field import density_field
from dreamgaussian.mesh.mesh import Mesh
from dreamgaussian.mesh.settings import MeshSettings
from dreamgaussian.mesh.unwrap import unwrap


def build_mesh(gaussians: Gaussians, settings: MeshSettings = MeshSettings()) -> Mesh:
    """The surface of the Gaussians as a clean mesh with texture coordinates, still without a texture.

    Raises EmptyResult if there is no surface, Diverged if the Gaussians are not finite.
    """
    field = density_field(gaussians, settings.resolution)
    level = surface_level(field.density, settings.density)
    surface = extract_surface(seal(field, level, settings.opening), level)
    return unwrap(clean(surface, settings), settings.texture_size)
