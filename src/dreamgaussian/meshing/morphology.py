"""Distances and connected pieces in grids of any dimension: scipy's, with types."""

from typing import Any, cast

import numpy as np
from numpy.typing import NDArray


def distance_to(mask: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Euclidean distance of every cell to the nearest one in the mask, in cells."""
    from scipy import ndimage

    return cast(NDArray[np.float64], ndimage.distance_transform_edt(~mask))


def nearest_in(mask: NDArray[np.bool_]) -> NDArray[np.int32]:
    """Coordinates, along the first axis, of every cell's nearest cell in the mask."""
    from scipy import ndimage

    return cast(NDArray[np.int32], ndimage.distance_transform_edt(~mask, return_distances=False, return_indices=True))


def label(mask: NDArray[np.bool_]) -> tuple[NDArray[np.int32], int]:
    """Every cell's connected piece of the mask, from 1 (0 outside), and the number of pieces."""
    from scipy import ndimage

    return cast(Any, ndimage.label(mask))
