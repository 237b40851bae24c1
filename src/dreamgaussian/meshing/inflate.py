"""Silhouettes blown up like balloons: a guess at a solid from nothing but its outline."""

from typing import cast

import numpy as np
from jaxtyping import Bool, Float64, Int64
from numpy.typing import NDArray
from scipy import ndimage


def half_thickness(inside: Bool[np.ndarray, "h w"]) -> Float64[np.ndarray, "h w"]:
    """Half the thickness of the inflated silhouette over each pixel, in pixels; 0 outside.

    It is the square root of the solution of Poisson's equation with -4 at the right side and 0 at the outline, which
    makes a ball of a disc (as in Repoussé, Joshi and Carr 2008).
    """
    return np.sqrt(_solve_poisson(inside))


def two_sheets(inside: Bool[np.ndarray, "h w"]) -> tuple[NDArray[np.bool_], Int64[np.ndarray, "f 3"]]:
    """The pixels that get a vertex on each of two sheets, front and back, and the faces of both.

    There is one ring of pixels more than `inside`, in which the sheets meet. The back's vertices follow the front's,
    in the same order; the second half of the faces is the back's. All faces look outwards when the front is nearer.
    """
    used = cast(NDArray[np.bool_], ndimage.binary_dilation(inside, np.ones((3, 3))))
    index = np.full(used.shape, -1)
    index[used] = np.arange(used.sum())
    a, b, c, d = index[:-1, :-1], index[:-1, 1:], index[1:, :-1], index[1:, 1:]
    full = (a >= 0) & (b >= 0) & (c >= 0) & (d >= 0)
    a, b, c, d = a[full], b[full], c[full], d[full]
    front = np.concatenate([np.stack([a, c, b], axis=1), np.stack([b, c, d], axis=1)])
    return used, np.concatenate([front, front[:, ::-1] + used.sum()])


def _solve_poisson(inside: Bool[np.ndarray, "h w"]) -> Float64[np.ndarray, "h w"]:
    """Pixels squared: the solution of laplace(u) = -4 inside, u = 0 outside."""
    from scipy.sparse import coo_array
    from scipy.sparse.linalg import spsolve

    padded = np.pad(inside, 1)
    index = np.full(padded.shape, -1)
    index[padded] = np.arange(padded.sum())
    own, rows, columns = index[padded], [index[padded]], [index[padded]]
    values = [np.full(len(own), 4.0)]
    for axis, step in ((0, 1), (0, -1), (1, 1), (1, -1)):
        neighbour = np.roll(index, step, axis)[padded]
        known = neighbour >= 0
        rows.append(own[known])
        columns.append(neighbour[known])
        values.append(np.full(known.sum(), -1.0))
    indices = (np.concatenate(rows), np.concatenate(columns))
    laplacian = coo_array((np.concatenate(values), indices), shape=(len(own), len(own))).tocsc()
    solution = np.zeros(inside.shape)
    solution[inside] = np.maximum(cast(np.ndarray, spsolve(laplacian, np.full(len(own), 4.0))), 0)
    return solution
