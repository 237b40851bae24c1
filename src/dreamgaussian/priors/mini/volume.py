"""Rendering the lifted volume by ray marching.

Frustum coordinates (u, v, w) in [-1, 1]: u right and v down across the input image, w along the depth. The input
camera stands at azimuth 0, so its axes depend on the elevation alone.
"""

import math

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

from dreamgaussian.core.camera import DEFAULT_FOVY_DEG, DEFAULT_RADIUS
from dreamgaussian.priors.mini import march as core

HALF_DEPTH = 0.9
"""Of the frustum, round the origin."""
BALL_RADIUS = 1.05
"""Rays are marched inside this ball round the origin."""
TANGENT = math.tan(math.radians(DEFAULT_FOVY_DEG) / 2)
PLANE_HALF_HEIGHT = DEFAULT_RADIUS * TANGENT
"""Half the height of the input image at the origin."""
DENSITY_SCALE = 20.0
"""Density of a voxel whose raw value is 0.25 above the fog, per unit of length."""

PROBE_CAMERAS = 24
PROBE_SIZE = 48
"""Cameras all round that look for the surface, and the side of their images."""
GOLDEN_ANGLE = math.pi * (3 - math.sqrt(5))


def frustum_coordinates(points: Float[Tensor, "b n 3"], elevation: Float[Tensor, " b"]) -> Float[Tensor, "b n 3"]:
    """World points in the frustum of the input camera at azimuth 0 and `elevation` (radians)."""
    sin, cos = elevation.sin()[:, None], elevation.cos()[:, None]
    x, y, z = points.unbind(dim=-1)
    up, towards = y * cos - z * sin, y * sin + z * cos
    depth = (DEFAULT_RADIUS - towards).clamp(min=0.1)
    return torch.stack([x / (depth * TANGENT), -up / (depth * TANGENT), -towards / HALF_DEPTH], dim=-1)


def voxel_centers(volume: Float[Tensor, "1 c d h w"], elevation: Float[Tensor, "1"]) -> Float[Tensor, "1 n 3"]:
    """World points of a volume's voxels, in the order of its memory; `frustum_coordinates` leads back."""
    lines = [(torch.arange(size, device=volume.device) + 0.5) * (2 / size) - 1 for size in volume.shape[2:]]
    w, v, u = (grid.reshape(1, -1) for grid in torch.meshgrid(*lines, indexing="ij"))
    towards = -w * HALF_DEPTH
    reach = (DEFAULT_RADIUS - towards) * TANGENT
    sin, cos = elevation.sin()[:, None], elevation.cos()[:, None]
    return torch.stack([u * reach, -v * reach * cos + towards * sin, towards * cos + v * reach * sin], dim=-1)


def ball_section(
    origins: Float[Tensor, "b #n 3"], directions: Float[Tensor, "b n 3"], radius: float = BALL_RADIUS
) -> tuple[Float[Tensor, "b n"], Float[Tensor, "b n"]]:
    """Distance of the middle, and half the length, of the part of each ray inside the ball.

    Directions have unit length; a ray that misses the ball has length 0.
    """
    middle = -(origins * directions).sum(dim=-1)
    missed = (origins + directions * middle[..., None]).square().sum(dim=-1)
    return middle, (radius**2 - missed).clamp(min=0).sqrt()


def march(
    volume: Float[Tensor, "b 5 d h w"],
    image: Float[Tensor, "b 4 s s"],
    elevation: Float[Tensor, " b"],
    origins: Float[Tensor, "b #n 3"],
    directions: Float[Tensor, "b n 3"],
    *,
    samples: int = 32,
    generator: torch.Generator | None = None,
) -> Float[Tensor, "b n 4"]:
    """Premultiplied RGBA along rays with unit directions (emission and absorption, Max 1995); differentiable by the
    volume.

    With a generator the samples are jittered, for training. A point that the input camera sees beside the cut-out is
    empty whatever the volume says: that much of the image is certain.
    """
    jitter = directions.new_zeros(directions.shape[:2])
    if generator is not None:
        jitter = torch.rand(jitter.shape, generator=generator, device=generator.device).to(jitter) - 0.5
    if core.is_possible(volume):
        conventions = [DEFAULT_RADIUS, TANGENT, HALF_DEPTH, BALL_RADIUS, DENSITY_SCALE]
        return core.core_march(volume, image, elevation, origins, directions, jitter, samples, conventions)
    return march_reference(volume, image, elevation, origins, directions, jitter, samples)


def march_reference(
    volume: Float[Tensor, "b 5 d h w"],
    image: Float[Tensor, "b 4 s s"],
    elevation: Float[Tensor, " b"],
    origins: Float[Tensor, "b #n 3"],
    directions: Float[Tensor, "b n 3"],
    jitter: Float[Tensor, "b n"],
    samples: int,
) -> Float[Tensor, "b n 4"]:
    """`march` in plain torch, on any device: the specification of the C++ core."""
    points, lengths = sample_points(origins, directions, jitter, samples)
    density, color = sample_volume(volume, image, frustum_coordinates(points.flatten(1, 2), elevation))
    weights = blend_weights(density.view(points.shape[:3]) * lengths)
    rgb = torch.einsum("bns,bcns->bnc", weights, color.unflatten(2, weights.shape[1:]))
    return torch.cat([rgb, weights.sum(dim=-1, keepdim=True)], dim=-1)


def sample_points(
    origins: Float[Tensor, "b #n 3"], directions: Float[Tensor, "b n 3"], jitter: Float[Tensor, "b n"], samples: int
) -> tuple[Float[Tensor, "b n s 3"], Float[Tensor, "b n 1"]]:
    """Points along the part of each ray inside the ball, and the length that each of a ray's points stands for."""
    middle, half = ball_section(origins, directions)
    steps = torch.arange(samples, device=directions.device) + 0.5 + jitter[..., None]
    distances = middle[..., None] + half[..., None] * (steps * (2 / samples) - 1)
    return origins[:, :, None] + directions[:, :, None] * distances[..., None], half[..., None] * (2 / samples)


def blend_weights(optical_depths: Float[Tensor, "b n s"]) -> Float[Tensor, "b n s"]:
    """The share of each sample in its ray's colour, front to back."""
    absorbed = 1 - torch.exp(-optical_depths)
    transmittance = torch.cumprod(1 - absorbed + 1e-6, dim=-1)
    return absorbed * F.pad(transmittance[..., :-1], (1, 0), value=1.0)


def sample_volume(
    volume: Float[Tensor, "b 5 d h w"], image: Float[Tensor, "b 4 s s"], uvw: Float[Tensor, "b n 3"]
) -> tuple[Float[Tensor, "b n"], Float[Tensor, "b 3 n"]]:
    """Density per unit of length and straight colour at frustum coordinates."""
    raw = F.grid_sample(volume, uvw[:, :, None, None], align_corners=False, padding_mode="border")[..., 0, 0]
    pixel = F.grid_sample(image, uvw[:, :, None, :2], align_corners=False, padding_mode="zeros")[..., 0]
    inside = (uvw[..., 2].abs() < 1) * pixel[:, 3].clamp(0, 1)
    density = DENSITY_SCALE * F.softplus(4 * raw[:, 0]) * inside
    blend = torch.sigmoid(raw[:, 4:])
    own = (pixel[:, :3] / pixel[:, 3:].clamp(min=0.05)).clamp(0, 1)
    return density, torch.lerp(torch.sigmoid(raw[:, 1:4]), own, blend)


def surface_points(
    volume: Float[Tensor, "1 5 d h w"],
    image: Float[Tensor, "1 4 s s"],
    elevation: Float[Tensor, "1"],
    count: int,
    generator: torch.Generator,
) -> tuple[Float[Tensor, "n 3"], Float[Tensor, "n 3"]]:
    """At most `count` random points at which rays from all round end in the volume, and their colours."""
    turns = torch.arange(PROBE_CAMERAS, device=volume.device) + 0.5
    azimuths, elevations = turns * GOLDEN_ANGLE, torch.asin(1 - 2 * turns / PROBE_CAMERAS)
    places = pixel_places(PROBE_SIZE, volume).expand(PROBE_CAMERAS, -1, -1)
    origins, directions = (each.expand(-1, PROBE_SIZE**2, -1) for each in orbit_rays(azimuths, elevations, places))
    rays = origins.reshape(1, -1, 3), directions.reshape(1, -1, 3)
    points, lengths = sample_points(*rays, directions.new_zeros(1, rays[0].shape[1]), 32)
    density, color = sample_volume(volume, image, frustum_coordinates(points.flatten(1, 2), elevation))
    weights = blend_weights(density.view(points.shape[:3]) * lengths)[0]
    ending = (weights.sum(dim=-1) > 0.5).nonzero()[:, 0].cpu()
    chosen = ending[torch.randperm(len(ending), generator=generator)[:count]]
    depths = torch.multinomial(weights[chosen].cpu(), 1, generator=generator)[:, 0]
    return points[0, chosen, depths], color.view(3, *weights.shape)[:, chosen, depths].T


def orbit_rays(
    azimuth: Float[Tensor, " b"], elevation: Float[Tensor, " b"], places: Float[Tensor, "b n 2"]
) -> tuple[Float[Tensor, "b 1 3"], Float[Tensor, "b n 3"]]:
    """Origins and unit directions of rays of cameras on the default orbit (radians), through places as in
    `pixel_places`.

    The batched twin of `Camera.orbit(...).rays()`.
    """
    sin_a, cos_a, sin_e, cos_e = azimuth.sin(), azimuth.cos(), elevation.sin(), elevation.cos()
    right = torch.stack([cos_a, torch.zeros_like(cos_a), -sin_a], dim=-1)
    up = torch.stack([-sin_e * sin_a, cos_e, -sin_e * cos_a], dim=-1)
    towards = torch.stack([cos_e * sin_a, sin_e, cos_e * cos_a], dim=-1)
    x, y = places[..., :1] * TANGENT, -places[..., 1:] * TANGENT
    directions = x * right[:, None] + y * up[:, None] - towards[:, None]
    return DEFAULT_RADIUS * towards[:, None], F.normalize(directions, dim=-1)


def pixel_places(size: int, like: Tensor) -> Float[Tensor, "n 2"]:
    """Centres of a square image's pixels in [-1, 1], row by row."""
    line = (torch.arange(size, device=like.device, dtype=like.dtype) + 0.5) * (2 / size) - 1
    rows, columns = torch.meshgrid(line, line, indexing="ij")
    return torch.stack([columns, rows], dim=-1).reshape(-1, 2)
