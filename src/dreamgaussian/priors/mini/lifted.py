"""The input images, lifted, and what a camera sees of them."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

from dreamgaussian.core.camera import Camera
from dreamgaussian.priors.mini.volume import frustum_coordinates, march, surface_points, voxel_centers

SHARPNESS = 0.1
"""Images are mixed by the softmax of cos(angle to the camera) / this: almost only the nearest counts, unless two are
about as near. With four images 0.2 dB better than the nearest alone (docs/benchmark.md)."""
LEAST_WEIGHT = 0.01
"""An image of less weight is left out."""
OUTLINE_SLACK = 2
"""Pixels beside a cut-out that another image's volume may still fill: about a voxel."""
EMPTY = 10.0
"""Taken from a voxel's raw density, leaves nothing of it."""


@dataclass(frozen=True, eq=False)
class Lifted:
    """An image and the volume that it was lifted to, in a world where it has azimuth 0."""

    camera: Camera
    image: Float[Tensor, "1 4 s s"]
    """Premultiplied RGBA."""
    elevation: Float[Tensor, "1"]
    """Of its camera, radians."""
    volume: Float[Tensor, "1 5 d h w"]

    def relative_azimuth(self, camera: Camera) -> float:
        """Of another camera, radians."""
        return math.radians(camera.azimuth_deg - self.camera.azimuth_deg)

    def cosine(self, camera: Camera) -> float:
        """Of the angle between the image's camera and another one, as the origin sees them."""
        return float(self.camera.position @ camera.position) / (self.camera.radius * camera.radius)

    def seen_by(self, camera: Camera) -> Float[Tensor, "4 h w"]:
        """The volume alone: premultiplied RGBA."""
        position, directions = ((rays @ self._turn.T).to(self.image) for rays in camera.rays())
        seen = march(self.volume, self.image, self.elevation, position[None, None], directions.reshape(1, -1, 3))
        return seen[0].T.reshape(4, camera.height, camera.width)

    def surface_points(
        self, count: int, generator: torch.Generator
    ) -> tuple[Float[Tensor, "n 3"], Float[Tensor, "n 3"]]:
        """At most `count` random points of the volume's surface, and their colours."""
        points, colors = surface_points(self.volume, self.image, self.elevation, count, generator)
        return points @ self._turn.to(points), colors

    def density_at(self, points: Float[Tensor, "n 3"]) -> Float[Tensor, " n"]:
        """The raw density at points of the world."""
        places = self._places(points)[:, :, None, None]
        sampled = F.grid_sample(self.volume[:, :1], places, align_corners=False, padding_mode="border")
        return sampled[0, 0, :, 0, 0]

    def covers(self, points: Float[Tensor, "n 3"]) -> Float[Tensor, " n"]:
        """The cut-out's alpha, widened by `OUTLINE_SLACK`, in front of points of the world; outside the frame, that of
        its rim.
        """
        wide = F.max_pool2d(self.image[:, 3:], 2 * OUTLINE_SLACK + 1, stride=1, padding=OUTLINE_SLACK)
        places = self._places(points)[:, :, None, :2]
        return F.grid_sample(wide, places, align_corners=False, padding_mode="border")[0, 0, :, 0]

    def voxel_centers(self) -> Float[Tensor, "n 3"]:
        """Points of the world, in the order of the volume's memory."""
        return voxel_centers(self.volume, self.elevation)[0] @ self._turn.to(self.volume)

    def _places(self, points: Float[Tensor, "n 3"]) -> Float[Tensor, "1 n 3"]:
        return frustum_coordinates((points @ self._turn.T.to(points))[None], self.elevation)

    @property
    def _turn(self) -> Float[Tensor, "3 3"]:
        """To the world from the one where the image has azimuth 0: world point = point @ turn."""
        sin, cos = math.sin(angle := math.radians(self.camera.azimuth_deg)), math.cos(angle)
        return torch.tensor([[cos, 0, -sin], [0, 1, 0], [sin, 0, cos]], dtype=torch.float64)


def with_one_shape(lifted: Sequence[Lifted]) -> list[Lifted]:
    """The volumes with the same solid in all: what any of them takes for solid and no image shows to be empty.

    An image says little of depths, and volumes that differ in theirs would tear apart what is between two images.
    With four of the benchmark's images this is worth 2 dB, with two 0.6 (docs/benchmark.md).
    """
    shaped: list[Lifted] = []
    for own in lifted:
        points = own.voxel_centers()
        others = [other for other in lifted if other is not own]
        density = own.volume[0, 0].flatten()
        for other in others:
            density = density.maximum(other.density_at(points))
        for other in others:
            density = density - EMPTY * (1 - other.covers(points))
        volume = torch.cat([density.view_as(own.volume[:, :1]), own.volume[:, 1:]], dim=1)
        shaped.append(replace(own, volume=volume))
    return shaped


def weights(lifted: Sequence[Lifted], camera: Camera) -> list[float]:
    """How much each image counts for a camera; they add up to 1."""
    cosines = torch.tensor([each.cosine(camera) for each in lifted], dtype=torch.float64)
    return torch.softmax(cosines / SHARPNESS, dim=0).tolist()


@torch.no_grad()
def mixed_view(lifted: Sequence[Lifted], camera: Camera) -> Float[Tensor, "4 h w"]:
    """What a camera sees of all volumes: premultiplied RGBA."""
    shares = weights(lifted, camera)
    views = [(share, each) for share, each in zip(shares, lifted, strict=True) if share > LEAST_WEIGHT]
    total = sum(share for share, _ in views)
    return torch.stack([share / total * each.seen_by(camera) for share, each in views]).sum(dim=0)
