"""Random views for the prior."""

import torch

from dreamgaussian.camera import Camera
from dreamgaussian.guidance import PriorSpec


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
    """The cameras of one sample of the prior: azimuth uniform all round, elevation uniform, the views evenly spaced."""
    azimuth, elevation = torch.rand(2, generator=generator, device=generator.device).tolist()
    low, high = elevations_deg
    return [
        Camera.orbit(
            azimuth * 360 - 180 + view * spec.view_spacing_deg,
            low + elevation * (high - low),
            size,
            radius=spec.domain.radius,
            fovy_deg=spec.domain.fovy_deg,
        )
        for view in range(spec.views_per_sample)
    ]
