"""Points on surfaces, for comparing shapes."""

import numpy as np
from jaxtyping import Float, Float64, Int, Int64


def sample_surface(
    vertices: Float[np.ndarray, "v 3"], faces: Int[np.ndarray, "f 3"], count: int, rng: np.random.Generator
) -> tuple[Float64[np.ndarray, "n 3"], Int64[np.ndarray, " n"], Float64[np.ndarray, "n 3"]]:
    """Points spread evenly over the area of the triangles.

    Returns:
        The points, their faces, and their barycentric weights.
    """
    corners = vertices[faces].astype(np.float64)
    areas = np.linalg.norm(np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]), axis=1)
    # Systematic sampling: one random start, equal steps of area, so that no face is hit much too often.
    steps = (np.arange(count) + rng.uniform()) / count * areas.sum()
    chosen = np.minimum(np.searchsorted(np.cumsum(areas), steps, side="right"), len(faces) - 1)
    root, along = np.sqrt(rng.uniform(size=count)), rng.uniform(size=count)
    weights = np.stack([1 - root, root * (1 - along), root * along], axis=1)
    return (corners[chosen] * weights[..., None]).sum(axis=1), chosen.astype(np.int64), weights
