"""Cameras of the views that a prior is asked about."""

import torch

from dreamgaussian.core.camera import Camera
from dreamgaussian.guidance.spec import PriorSpec


def elevation_range(
    spec: PriorSpec, relative_deg: tuple[float, float], input_elevation_deg: float
) -> tuple[float, float]:
    """Elevations for random views: those wanted round the input's, as far as the prior knows them."""
    known_low, known_high = spec.domain.elevation_range_deg
    low = min(max(input_elevation_deg + relative_deg[0], known_low), known_high)
    high = max(min(input_elevation_deg + relative_deg[1], known_high), known_low)
    return low, high


def random_cameras(
    spec: PriorSpec, elevations_deg: tuple[float, float], size: int, generator: torch.Generator
) -> list[Camera]:
    """The cameras of one sample of the prior, evenly spaced from a random start.

    Azimuths are uniform all round and elevations uniform in the range, or both are one of the prior's fixed views.
    """
    u, v = torch.rand(2, generator=generator, device=generator.device).tolist()
    return _cameras(spec, u, v, elevations_deg, size)


def ring_of_cameras(
    spec: PriorSpec, samples: int, elevations_deg: tuple[float, float], size: int, generator: torch.Generator
) -> list[list[Camera]]:
    """The cameras of several samples whose views together are evenly spaced all round, from a random start."""
    start, *heights = torch.rand(1 + samples, generator=generator, device=generator.device).tolist()
    turn = 1 / (samples if spec.domain.fixed_views_deg else samples * spec.views_per_sample)
    return [_cameras(spec, (start + i * turn) % 1, v, elevations_deg, size) for i, v in enumerate(heights)]


def _cameras(spec: PriorSpec, u: float, v: float, elevations_deg: tuple[float, float], size: int) -> list[Camera]:
    """One sample's cameras for u and v in [0, 1): the turn, and the place in the range of elevations."""
    domain = spec.domain
    if domain.fixed_views_deg:
        azimuth, elevation = domain.fixed_views_deg[int(u * len(domain.fixed_views_deg))]
    else:
        azimuth, elevation = u * 360 - 180, elevations_deg[0] + v * (elevations_deg[1] - elevations_deg[0])
    return sample_cameras(spec, azimuth, elevation, size)


def sample_cameras(spec: PriorSpec, azimuth_deg: float, elevation_deg: float, size: int) -> list[Camera]:
    """The cameras of one sample, of `size` pixels: the first in the given direction, the others round from it."""
    azimuths = [azimuth_deg + view * spec.view_spacing_deg for view in range(spec.views_per_sample)]
    radius, fovy_deg = spec.domain.radius, spec.domain.fovy_deg
    return [Camera.orbit(azimuth, elevation_deg, size, radius=radius, fovy_deg=fovy_deg) for azimuth in azimuths]
