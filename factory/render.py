"""Views of a model by ray casting (embree), with textures looked up in numpy.

A group is an input view and its targets under one normalisation, the one that a user's picture gets: the model is
moved and scaled until its outline in the input view is centred and its longer side fills the wanted share of the
frame. The group's world has the input view at azimuth 0.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from jaxtyping import Float, Float64, UInt8

from dreamgaussian.core.camera import Camera
from factory.objects import Model, look_up

MAX_RADIUS = 1.05
"""Of the normalised model; a longer one, seen end-on, would reach behind the cameras round it."""
INPUT_AZIMUTHS_DEG = (30.0, -30.0, 45.0, -45.0, 60.0, -60.0)
"""Of three-quarter views, off the object's own front, in order of preference."""
FITTING_RADIUS = 0.9
"""Of a placed model that fits into all views."""
SMOOTH_BELOW_DEG = 70.0
"""Faces that meet at a smaller angle are shaded as one round surface where smooth shading is asked for: the sides of an
octagonal post are, those of a box are not."""
CUT_OUT_LAYERS = 5
"""Surfaces that a ray may pass through where their textures are clear."""


@dataclass(frozen=True, eq=False)
class Placement:
    """World point = matrix @ model point + offset."""

    matrix: Float64[np.ndarray, "3 3"]
    offset: Float64[np.ndarray, "3"]


@dataclass(frozen=True)
class Light:
    """A key light that stands in the world, a headlight that goes with the camera, and an ambient floor."""

    direction: tuple[float, float, float]
    key: float
    head: float
    ambient: float

    @classmethod
    def draw(cls, rng: np.random.Generator) -> "Light":
        """A light from above, somewhere on the camera's side of the group."""
        azimuth, elevation = rng.uniform(-1.6, 1.6), rng.uniform(0.4, 1.3)
        direction = (np.cos(elevation) * np.sin(azimuth), np.sin(elevation), np.cos(elevation) * np.cos(azimuth))
        key, head = rng.uniform(0.15, 0.4), rng.uniform(0.1, 0.25)
        x, y, z = (float(c) for c in direction)
        return cls((x, y, z), key, head, ambient=1.02 - key - head)


STUDIO_LIGHT = Light((-0.42, 0.72, 0.55), key=0.28, head=0.17, ambient=0.57)
"""For pictures that are to be looked at: the benchmark's and the picture library's."""


class Scene:
    """A model in embree's acceleration structure."""

    def __init__(self, model: Model) -> None:
        from embreex.mesh_construction import TriangleMesh
        from embreex.rtcore_scene import EmbreeScene
        from scipy.spatial import ConvexHull, QhullError

        self.model = model
        used = model.vertices[np.unique(model.faces)]
        self.center = (used.min(axis=0) + used.max(axis=0)) / 2
        self.scale = 1 / max(float(np.linalg.norm(used - self.center, axis=1).max()), 1e-12)
        corners = (model.vertices - self.center) * self.scale
        try:
            outline = corners[np.unique(model.faces)]
            self.hull = outline[ConvexHull(outline).vertices]
        except QhullError:
            self.hull = corners[np.unique(model.faces)]
        triangles = corners[model.faces]
        self.normals = np.cross(triangles[:, 1] - triangles[:, 0], triangles[:, 2] - triangles[:, 0])
        self._scene = EmbreeScene()
        TriangleMesh(self._scene, triangles.astype(np.float32))

    @cached_property
    def corner_normals(self) -> Float64[np.ndarray, "f 3 3"]:
        """Of each face's corners: the mean, by area, of the normals of the faces that meet there at a small angle,
        whichever way each is wound. Corners meet where they have the same place.
        """
        from scipy.sparse import coo_array, csr_array

        _, places = np.unique(np.round(self.model.vertices * self.scale, 4), axis=0, return_inverse=True)
        corners = places.reshape(-1)[self.model.faces].reshape(-1)
        f, count = len(self.normals), len(corners)
        at = csr_array((np.ones(count), (np.arange(count), corners)), shape=(count, len(places)))
        faces_at = csr_array((np.ones(count), (corners, np.arange(count) // 3)), shape=(len(places), f))
        meeting = coo_array(at @ faces_at)
        unit = self.normals / np.maximum(np.linalg.norm(self.normals, axis=1, keepdims=True), 1e-20)
        cosines = (unit[meeting.row // 3] * unit[meeting.col]).sum(axis=1)
        share = np.where(np.abs(cosines) > np.cos(np.radians(SMOOTH_BELOW_DEG)), np.sign(cosines), 0)
        mean = csr_array((share, (meeting.row, meeting.col)), shape=(count, f)) @ self.normals
        return mean.reshape(f, 3, 3)

    def hits(self, origins: Float[np.ndarray, "n 3"], directions: Float[np.ndarray, "n 3"]) -> dict[str, np.ndarray]:
        """Nearest triangle (`primID`, -1 for none), its barycentric u, v and the distance along each ray."""
        return self._scene.run(origins.astype(np.float32), directions.astype(np.float32), output=True)

    def place(self, azimuth_deg: float, elevation_deg: float, stretch: np.ndarray, fill: float) -> Placement:
        """The placement under which a camera at azimuth 0 and `elevation_deg` sees the model from its own
        `azimuth_deg` as a user's picture would show it. `stretch` scales the model's own axes.
        """
        angle = np.radians(-azimuth_deg)
        turn = np.array([[np.cos(angle), 0, np.sin(angle)], [0, 1, 0], [-np.sin(angle), 0, np.cos(angle)]])
        camera = Camera.orbit(0.0, elevation_deg, 2)
        camera_from_world = camera.camera_from_world.numpy()
        focal = 2 * camera.focal_px / 2
        matrix = turn @ np.diag(stretch)
        corners = self.hull @ matrix.T @ camera_from_world[:3, :3].T
        scale, shift = 0.5, np.zeros(3)
        for _ in range(12):
            placed = corners * scale + shift
            depth = camera.radius - placed[:, 2]
            outline = placed[:, :2] * focal / np.maximum(depth, 0.1)[:, None]
            low, high = outline.min(axis=0), outline.max(axis=0)
            scale *= np.clip(2 * fill / (high - low).max(), 0.5, 2.0)
            shift[:2] -= (low + high) / 2 * camera.radius / focal
            shift[2] = -(corners[:, 2].min() + corners[:, 2].max()) / 2 * scale
        return Placement(scale * matrix, camera_from_world[:3, :3].T @ shift)

    def place_three_quarter(self, elevation_deg: float, fill: float = 0.8) -> Placement:
        """The first three-quarter view under which the whole object fits into views from all sides, or else that under
        which it stays smallest in depth.
        """
        placements = [self.place(azimuth, elevation_deg, np.ones(3), fill) for azimuth in INPUT_AZIMUTHS_DEG]
        fitting = [placement for placement in placements if self.radius(placement) <= FITTING_RADIUS]
        return fitting[0] if fitting else min(placements, key=self.radius)

    def radius(self, placement: Placement) -> float:
        """Farthest point of the placed model from the origin."""
        return float(np.linalg.norm(self.hull @ placement.matrix.T + placement.offset, axis=1).max())

    def render(
        self, placement: Placement, camera: Camera, light: Light, supersampling: int, *, smooth: bool = False
    ) -> UInt8[np.ndarray, "h w 4"]:
        """Premultiplied RGBA; flat faces, or round where they meet at small angles."""
        fine = camera.resized((camera.width * supersampling, camera.height * supersampling))
        position, directions = (tensor.numpy() for tensor in fine.rays())
        inverse = np.linalg.inv(placement.matrix)
        along = directions.reshape(-1, 3)
        start = inverse @ (position - placement.offset)
        pixels = self._trace(start, along @ inverse.T, along, placement, light, smooth)
        blocks = pixels.reshape(camera.height, supersampling, camera.width, supersampling, 4)
        return np.round(blocks.mean(axis=(1, 3)) * 255).astype(np.uint8)

    def _trace(
        self,
        origin: np.ndarray,
        rays: np.ndarray,
        world_rays: np.ndarray,
        placement: Placement,
        light: Light,
        smooth: bool,
    ) -> np.ndarray:
        pixels = np.zeros((len(rays), 4), dtype=np.float32)
        rows, starts = np.arange(len(rays)), np.broadcast_to(origin, rays.shape)
        for _ in range(CUT_OUT_LAYERS):
            found = self.hits(starts, rays[rows])
            hit = found["primID"] >= 0
            rows, starts = rows[hit], starts[hit]
            if len(rows) == 0:
                break
            faces, u, v, distance = (found[name][hit] for name in ("primID", "u", "v", "tfar"))
            weights = np.stack([1 - u - v, u, v], axis=1)
            colors = self._colors(faces, weights)
            normals = (self.corner_normals[faces] * weights[..., None]).sum(axis=1) if smooth else self.normals[faces]
            shading = _shade(normals @ np.linalg.inv(placement.matrix), world_rays[rows], light)
            solid = colors[:, 3] >= 0.5
            pixels[rows[solid], :3] = np.clip(colors[solid, :3] * shading[solid, None], 0, 1)
            pixels[rows[solid], 3] = 1
            starts = starts[~solid] + rays[rows[~solid]] * (distance[~solid, None] + 1e-4)
            rows = rows[~solid]
        return pixels

    def _colors(self, faces: np.ndarray, weights: np.ndarray) -> np.ndarray:
        model = self.model
        uvs = (model.uvs[model.faces[faces]] * weights[..., None]).sum(axis=1)
        colors = np.ones((len(faces), 4), dtype=np.float32)
        used = model.face_materials[faces]
        for index in np.unique(used):
            material, chosen = model.materials[index], used == index
            if material.texture is None:
                colors[chosen, :3] = material.color
            else:
                colors[chosen] = look_up(material.texture, uvs[chosen])
        if model.vertex_colors is not None:
            colors[:, :3] *= (model.vertex_colors[model.faces[faces]] * weights[..., None]).sum(axis=1)
        return colors


def _shade(normals: Float[np.ndarray, "n 3"], rays: Float[np.ndarray, "n 3"], light: Light) -> Float[np.ndarray, " n"]:
    """Brightness of surfaces of any normals, which may look inwards, seen along unit rays."""
    normals = normals / np.maximum(np.linalg.norm(normals, axis=1, keepdims=True), 1e-20)
    facing = -(normals * rays).sum(axis=1)
    lit = (normals * np.sign(facing)[:, None]) @ np.array(light.direction)
    return light.ambient + light.key * np.clip(lit, 0, 1) + light.head * np.abs(facing)
