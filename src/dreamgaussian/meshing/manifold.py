"""Closed manifolds: every edge lies between two triangles that run along it in opposite directions, every vertex has
one fan of triangles. Marching cubes makes such surfaces; edge collapse and remeshing pinch some of their sheets
together and leave holes.
"""

import numpy as np
import torch
from jaxtyping import Float, Int
from numpy.typing import NDArray

from dreamgaussian.core.mesh import Mesh

APART = 0.05
"""Of the way to its neighbours, by which a vertex moves that was cut off another at the same place."""


def closed_manifold(mesh: Mesh) -> Mesh:
    """The bare mesh without fins, its holes filled, and its sheets taken apart that touch in an edge or a point."""
    faces = without_fins(mesh.faces.numpy(force=True).astype(np.int64))
    vertices, faces = _filled(mesh.vertices.double().numpy(force=True), faces)
    vertices, faces = _crowded_edges_cut(vertices, faces)
    vertices, faces = _taken_apart(vertices, faces)
    return Mesh(torch.from_numpy(vertices.astype(np.float32)), torch.from_numpy(faces))


def without_fins(faces: NDArray[np.int64]) -> NDArray[np.int64]:
    """The faces without pairs that lie back to back on the same three vertices, which edge collapse leaves behind."""
    _, owners, uses = np.unique(np.sort(faces, axis=1), axis=0, return_inverse=True, return_counts=True)
    return faces[uses[owners] == 1]


def _filled(
    vertices: Float[np.ndarray, "v 3"], faces: Int[np.ndarray, "f 3"]
) -> tuple[Float[np.ndarray, "w 3"], Int[np.ndarray, "g 3"]]:
    """The surface with a fan of triangles in every hole, round its middle; a square hole gets two triangles."""
    added = list[NDArray[np.int64]]()
    for loop in _holes(faces):
        if len(loop) <= 4:
            corners = np.array(loop)
            added += [corners[[0, i, i + 1]] for i in range(1, len(loop) - 1)]
            continue
        middle = len(vertices)
        vertices = np.concatenate([vertices, vertices[loop].mean(axis=0, keepdims=True)])
        added += [np.array([middle, a, b]) for a, b in zip(loop, [*loop[1:], loop[0]], strict=True)]
    return vertices, np.concatenate([faces, np.array(added, np.int64).reshape(-1, 3)])


def _holes(faces: Int[np.ndarray, "f 3"]) -> list[list[int]]:
    """The vertices round every hole, in the order in which a face that fills it has them."""
    starts, ends = faces.reshape(-1), _ends(faces)
    alone = np.ones(len(starts), bool)
    alone[np.concatenate(_pairs(faces))] = False
    following: dict[int, list[int]] = {}
    for start, end in zip(ends[alone].tolist(), starts[alone].tolist(), strict=True):
        following.setdefault(start, []).append(end)
    loops = list[list[int]]()
    for start in list(following):
        while following[start]:
            loop, vertex = [start], following[start].pop()
            while vertex != start and following.get(vertex):
                loop.append(vertex)
                vertex = following[vertex].pop()
            if vertex == start and len(loop) > 2:
                loops.append(loop)
    return loops


def _crowded_edges_cut(
    vertices: Float[np.ndarray, "v 3"], faces: Int[np.ndarray, "f 3"]
) -> tuple[Float[np.ndarray, "w 3"], Int[np.ndarray, "g 3"]]:
    """The surface with a vertex in the middle of every edge in which more than two faces meet: there they can part.

    The pieces of a face stay in its place, so that `_pairs` pairs them alike along both halves of an edge.
    """
    starts, ends = faces.reshape(-1), _ends(faces)
    edges, uses = np.unique(np.stack([np.minimum(starts, ends), np.maximum(starts, ends)]), axis=1, return_counts=True)
    places = np.arange(len(faces))
    for a, b in edges[:, uses > 2].T:
        around = ((faces == a) | (faces == b)).sum(axis=1) == 2
        middle, crowd = len(vertices), faces[around]
        vertices = np.concatenate([vertices, vertices[[a, b]].mean(axis=0, keepdims=True)])
        halves = [np.where(crowd == end, middle, crowd) for end in (a, b)]
        faces = np.concatenate([faces[~around], *halves])
        places = np.concatenate([places[~around], places[around], places[around]])
    return vertices, faces[places.argsort(kind="stable")]


def _taken_apart(
    vertices: Float[np.ndarray, "v 3"], faces: Int[np.ndarray, "f 3"]
) -> tuple[Float[np.ndarray, "w 3"], Int[np.ndarray, "f 3"]]:
    """A vertex for each fan of triangles. Those that shared one move apart, each a little towards its neighbours."""
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    one, other = _pairs(faces)
    rows, columns = np.concatenate([one, _next(one)]), np.concatenate([_next(other), other])
    corners = faces.size
    graph = coo_array((np.ones(len(rows), bool), (rows, columns)), shape=(corners, corners))
    count, fans = connected_components(graph, directed=False)
    owners = np.zeros(count, np.int64)
    owners[fans] = faces.reshape(-1)
    faces = fans.reshape(-1, 3).astype(np.int64)
    points = vertices[owners]
    shared = np.bincount(owners, minlength=len(vertices))[owners] > 1
    if shared.any():
        sums, neighbours = np.zeros_like(points), np.bincount(faces.reshape(-1), minlength=count)
        np.add.at(sums, faces.reshape(-1), points[_ends(faces)])
        middles = sums / neighbours[:, None]
        points = np.where(shared[:, None], points + APART * (middles - points), points)
    return points, faces


def _pairs(faces: Int[np.ndarray, "f 3"]) -> tuple[Int[np.ndarray, " p"], Int[np.ndarray, " p"]]:
    """Half-edges, numbered as the corners that they start from, that run along each other in opposite directions.

    Where more than two faces meet in an edge, their half-edges are paired one with one.
    """
    starts, ends = faces.reshape(-1), _ends(faces)
    upwards, downwards = np.flatnonzero(starts < ends), np.flatnonzero(starts > ends)
    there, back = _ranked(_keys(starts, ends)[upwards]), _ranked(_keys(ends, starts)[downwards])
    _, one, other = np.intersect1d(there, back, assume_unique=True, return_indices=True)
    return upwards[one], downwards[other]


def _ranked(keys: NDArray[np.int64]) -> NDArray[np.int64]:
    """Keys that are all different: those that are the same are numbered, up to 16 of them."""
    order = np.argsort(keys, kind="stable")
    ordered = keys[order]
    first = np.r_[True, ordered[1:] != ordered[:-1]] if len(keys) else np.zeros(0, bool)
    places = np.arange(len(keys))
    ranks = np.zeros(len(keys), np.int64)
    ranks[order] = places - np.maximum.accumulate(np.where(first, places, 0))
    # More than 16 faces at one edge do not occur; if they did, those after the 16th would stay without a partner and
    # become holes' borders.
    return keys * 16 + np.minimum(ranks, 15)


def _keys(starts: NDArray[np.int64], ends: NDArray[np.int64]) -> NDArray[np.int64]:
    """A number for each directed edge."""
    return starts << 29 | ends  # 29 bits a vertex and 4 for `_ranked`: 62 of an int64's 63


def _ends(faces: Int[np.ndarray, "f 3"]) -> NDArray[np.int64]:
    """Where the half-edges end that start at the corners."""
    return np.roll(faces, -1, axis=1).reshape(-1)


def _next(corners: NDArray[np.int64]) -> NDArray[np.int64]:
    """The corner of the same face that follows."""
    return corners // 3 * 3 + (corners + 1) % 3
