"""The mesh."""

from dataclasses import dataclass

from jaxtyping import Float, Int
from torch import Tensor


@dataclass(frozen=True, eq=False)
class Mesh:
    """Triangles with, from the texture stage on, an atlas.

    One index buffer serves positions and texture coordinates, as in glTF: vertices on a seam are doubled.
    """

    vertices: Float[Tensor, "v 3"]
    """World frame (see camera.py)."""
    faces: Int[Tensor, "f 3"]
    """Counter-clockwise seen from outside."""
    uvs: Float[Tensor, "v 2"] | None = None
    """In [0, 1]; u to the right, v downwards from the albedo's first row, as in glTF."""
    albedo: Float[Tensor, "h w 3"] | None = None
    """sRGB in [0, 1]."""
    normal_map: Float[Tensor, "i j 3"] | None = None
    """Unit normals in tangent space, in [-1, 1]: x along u, y along -v (up in the image), z out of the surface."""
