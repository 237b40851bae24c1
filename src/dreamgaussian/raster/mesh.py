"""Images of meshes on the CPU: one ray for each sample, traced by embree.

What is hit has no gradient, but colours are looked up with torch, so that an image is differentiable in the mesh's
albedo.
"""

from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float, Int
from numpy.typing import NDArray
from torch import Tensor

from dreamgaussian.core.camera import Camera
from dreamgaussian.core.errors import InputError
from dreamgaussian.core.mesh import Mesh


@dataclass(frozen=True, eq=False)
class Fragments:
    """The `k` samples of an image, of `height` x `width`, in which a mesh is seen."""

    height: int
    width: int
    pixels: Int[Tensor, " k"]
    """Where in the image, row x width + column; ascending."""
    face_ids: Int[Tensor, " k"]
    barycentrics: Float[Tensor, "k 3"]
    """Weights of the face's three vertices."""
    depths: Float[Tensor, " k"]
    """Along the viewing axis."""

    def image(self, values: Float[Tensor, "k c"], shrink: int = 1) -> Float[Tensor, "h w c"]:
        """Values of the samples as an image, zero elsewhere; `shrink` takes means over squares of that side."""
        height, width = self.height // shrink, self.width // shrink
        cells = (self.pixels // self.width // shrink) * width + self.pixels % self.width // shrink
        sums = values.new_zeros(height * width, values.shape[1]).index_add(0, cells, values)
        return sums.view(height, width, -1) / shrink**2

    @property
    def depth(self) -> Float[Tensor, "h w"]:
        """Depths along the viewing axis; infinite where nothing is seen."""
        depth = torch.full((self.height * self.width,), torch.inf)
        return depth.index_copy(0, self.pixels, self.depths).view(self.height, self.width)


@dataclass(frozen=True, eq=False)
class MeshRender:
    """An image of a mesh, without background."""

    color: Float[Tensor, "h w 3"]
    """Premultiplied by alpha."""
    alpha: Float[Tensor, "h w"]
    """Share of the pixel that the mesh covers."""

    @property
    def rgba(self) -> Float[Tensor, "h w 4"]:
        """Colour and alpha in one image, premultiplied."""
        return torch.cat([self.color, self.alpha[..., None]], dim=-1)


class MeshScene:
    """Triangles in embree's hierarchy, built once for many rays."""

    def __init__(self, vertices: Float[Tensor, "v 3"], faces: Int[Tensor, "f 3"]) -> None:
        """Raises InputError if there are no triangles."""
        from embreex.mesh_construction import TriangleMesh
        from embreex.rtcore_scene import EmbreeScene

        if faces.shape[0] == 0:
            raise InputError("A mesh without faces cannot be drawn.")
        self.vertices = vertices
        self.faces = faces
        self._scene = EmbreeScene()
        TriangleMesh(self._scene, _array(vertices), faces.numpy(force=True).astype(np.int32))

    def trace(
        self, origins: Float[Tensor, "r 3"], directions: Float[Tensor, "r 3"]
    ) -> tuple[Int[Tensor, " k"], Int[Tensor, " k"], Float[Tensor, "k 3"], Float[Tensor, " k"]]:
        """First hits on either side of the faces: which rays, faces, barycentrics, distances in directions' lengths."""
        hits = self._scene.run(_array(origins), _array(directions), output=1)
        rays = np.flatnonzero(hits["primID"] >= 0)
        u, v = hits["u"][rays], hits["v"][rays]
        barycentrics = torch.from_numpy(np.stack([1 - u - v, u, v], axis=1))
        face_ids = torch.from_numpy(hits["primID"][rays].astype(np.int64))
        return torch.from_numpy(rays), face_ids, barycentrics, torch.from_numpy(hits["tfar"][rays])

    def rasterize(self, camera: Camera) -> Fragments:
        """What the pixels' centres see."""
        columns, rows = self._window(camera)
        right, up, back = camera.camera_from_world[:3, :3]
        x = (torch.arange(*columns) + 0.5 - camera.width / 2) / camera.focal_px
        y = (torch.arange(*rows) + 0.5 - camera.height / 2) / camera.focal_px
        directions = ((x[:, None] * right - back).float() - (y[:, None, None] * up).float()).view(-1, 3)
        origins = camera.position.float().expand_as(directions)
        rays, face_ids, barycentrics, depths = self.trace(origins, directions)
        pixels = (rays // len(x) + rows[0]) * camera.width + rays % len(x) + columns[0]
        return Fragments(camera.height, camera.width, pixels, face_ids, barycentrics, depths)

    def interpolate(self, values: Float[Tensor, "v c"], fragments: Fragments) -> Float[Tensor, "k c"]:
        """Values at the vertices, interpolated to the samples. Differentiable in `values`."""
        corners = values[self.faces[fragments.face_ids]]
        return torch.bmm(fragments.barycentrics[:, None, :], corners)[:, 0]

    def _window(self, camera: Camera) -> tuple[tuple[int, int], tuple[int, int]]:
        """First and last + 1 columns and rows of the image that may see the mesh."""
        pixels, depths = camera.project(self.vertices)
        size = torch.tensor([camera.width, camera.height])
        if bool((depths <= 0).any()):
            return (0, camera.width), (0, camera.height)
        low = (pixels.amin(dim=0).floor().int() - 1).clamp(min=0).minimum(size)
        high = (pixels.amax(dim=0).ceil().int() + 1).clamp(min=0).minimum(size)
        return (int(low[0]), int(high[0])), (int(low[1]), int(high[1]))


def _array(vectors: Float[Tensor, "r 3"]) -> NDArray[np.float32]:
    return np.ascontiguousarray(vectors.numpy(force=True), dtype=np.float32)


def sample(texture: Float[Tensor, "h w c"], uvs: Float[Tensor, "k 2"]) -> Float[Tensor, "k c"]:
    """Bilinear lookup, v downwards from the first row. Differentiable in the texture."""
    grid = (2 * uvs - 1)[None, None]
    looked_up = torch.nn.functional.grid_sample(
        texture.permute(2, 0, 1)[None], grid, mode="bilinear", padding_mode="border", align_corners=False
    )
    return looked_up[0, :, 0].T


def render_mesh(mesh: Mesh, camera: Camera, supersampling: int = 2, scene: MeshScene | None = None) -> MeshRender:
    """The mesh's albedo, unlit, with `supersampling`² rays a pixel; differentiable in `mesh.albedo`.

    Pass a `scene` of the mesh to draw many images. Raises InputError if the mesh has no texture.
    """
    if mesh.uvs is None or mesh.albedo is None:
        raise InputError("The mesh has no texture to draw.")
    scene = scene or MeshScene(mesh.vertices, mesh.faces)
    fragments = scene.rasterize(camera.resized((camera.width * supersampling, camera.height * supersampling)))
    colors = sample(mesh.albedo, scene.interpolate(mesh.uvs, fragments))
    premultiplied = fragments.image(torch.cat([colors, torch.ones_like(colors[:, :1])], dim=1), supersampling)
    return MeshRender(premultiplied[..., :3], premultiplied[..., 3])
