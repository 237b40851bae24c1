"""Cameras.

Frames are OpenGL's and glTF's: right-handed, the world's y up, the subject's front along +z; a camera looks along
its own -z with y up. Azimuth 0 looks at the front and grows from +z towards +x; elevation is positive when the
camera looks from above. Pixel centres lie at +0.5, rows grow downwards.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

import torch
from jaxtyping import Float
from torch import Tensor

from dreamgaussian.core.default_camera import DEFAULT_FOVY_DEG, DEFAULT_RADIUS


@dataclass(frozen=True, eq=False)
class Camera:
    """A camera at rest, with its principal point at the image's centre and square pixels."""

    camera_from_world: Float[Tensor, "4 4"]
    """Rigid transform from the world to the camera's OpenGL frame, float64."""
    width: int
    """Pixels."""
    height: int
    """Pixels."""
    fovy_deg: float = DEFAULT_FOVY_DEG
    """Vertical field of view."""
    projection: Literal["perspective"] = "perspective"

    @classmethod
    def orbit(
        cls,
        azimuth_deg: float,
        elevation_deg: float,
        size: int | tuple[int, int],
        *,
        radius: float = DEFAULT_RADIUS,
        fovy_deg: float = DEFAULT_FOVY_DEG,
    ) -> "Camera":
        """A camera on a sphere round the origin, looking at it. `size` is pixels: a square's side, or (width, height).

        Straight above and below (±90°) the image's up is that of the limit along the meridian.
        """
        azimuth, elevation = math.radians(azimuth_deg), math.radians(elevation_deg)
        sin_a, cos_a, sin_e, cos_e = math.sin(azimuth), math.cos(azimuth), math.sin(elevation), math.cos(elevation)
        world_from_camera = torch.eye(4, dtype=torch.float64)
        world_from_camera[:3, 0] = torch.tensor([cos_a, 0.0, -sin_a], dtype=torch.float64)
        world_from_camera[:3, 1] = torch.tensor([-sin_e * sin_a, cos_e, -sin_e * cos_a], dtype=torch.float64)
        world_from_camera[:3, 2] = torch.tensor([cos_e * sin_a, sin_e, cos_e * cos_a], dtype=torch.float64)
        world_from_camera[:3, 3] = radius * world_from_camera[:3, 2]
        width, height = (size, size) if isinstance(size, int) else size
        return cls(torch.linalg.inv(world_from_camera), width, height, fovy_deg)

    @property
    def opencv_from_world(self) -> Float[Tensor, "4 4"]:
        """Rigid transform from the world to OpenCV's camera frame: x right, y down, z forwards; float64."""
        return self.camera_from_world * torch.tensor([1.0, -1.0, -1.0, 1.0], dtype=torch.float64)[:, None]

    @property
    def position(self) -> Float[Tensor, "3"]:
        """The camera's centre in the world, float64."""
        return -self.camera_from_world[:3, :3].T @ self.camera_from_world[:3, 3]

    @property
    def radius(self) -> float:
        """Distance from the origin."""
        return float(self.position.norm())

    @property
    def azimuth_deg(self) -> float:
        """Azimuth of the camera's position, in (-180, 180]."""
        x, _, z = self.position.tolist()
        return math.degrees(math.atan2(x, z))

    @property
    def elevation_deg(self) -> float:
        """Elevation of the camera's position, in [-90, 90]."""
        x, y, z = self.position.tolist()
        return math.degrees(math.atan2(y, math.hypot(x, z)))

    @property
    def focal_px(self) -> float:
        """Focal length in pixels, the same along both axes."""
        return 0.5 * self.height / math.tan(math.radians(self.fovy_deg) / 2)

    def resized(self, size: int | tuple[int, int]) -> "Camera":
        """The same camera with another number of pixels."""
        width, height = (size, size) if isinstance(size, int) else size
        return replace(self, width=width, height=height)

    def rays(self) -> tuple[Float[Tensor, "3"], Float[Tensor, "h w 3"]]:
        """The common origin and the unit directions, in the world, of the rays through the pixel centres (float64)."""
        x = (torch.arange(self.width, dtype=torch.float64) + 0.5 - self.width / 2) / self.focal_px
        y = (torch.arange(self.height, dtype=torch.float64) + 0.5 - self.height / 2) / self.focal_px
        rows, columns = torch.meshgrid(-y, x, indexing="ij")
        in_camera = torch.stack([columns, rows, -torch.ones_like(rows)], dim=-1)
        in_world = in_camera @ self.camera_from_world[:3, :3]
        return self.position, in_world / in_world.norm(dim=-1, keepdim=True)

    def project(self, points: Float[Tensor, "n 3"]) -> tuple[Float[Tensor, "n 2"], Float[Tensor, " n"]]:
        """Pixel coordinates (x right, y down) of points of the world, and their depths along the viewing axis."""
        transform = self.camera_from_world.to(points)
        in_camera = points @ transform[:3, :3].T + transform[:3, 3]
        depths = -in_camera[:, 2]
        x = self.focal_px * in_camera[:, 0] / depths + self.width / 2
        y = -self.focal_px * in_camera[:, 1] / depths + self.height / 2
        return torch.stack([x, y], dim=-1), depths


def nearest_camera(cameras: Sequence[Camera], camera: Camera) -> int:
    """Which of the cameras sees the origin from the direction that is closest to the given camera's."""
    cosines = [float(known.position @ camera.position) / known.radius for known in cameras]
    return cosines.index(max(cosines))
