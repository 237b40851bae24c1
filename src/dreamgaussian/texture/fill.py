"""Texels that no view saw, and the gaps between the atlas' charts."""

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor

from dreamgaussian.mesh.mesh import Mesh
from dreamgaussian.mesh.morphology import nearest_in
from dreamgaussian.mesh.raster import Fragments, MeshScene

HALF_KNOWN = 0.01
"""Sum of weights at which a texel's colour comes in equal parts from the views and from its surroundings."""
STRAY = 1e-4
"""Pull towards the nearest known colour in space, for pieces of the surface that no view saw at all."""


def fill_unseen(
    mesh: Mesh,
    scene: MeshScene,
    fragments: Fragments,
    colors: Float[Tensor, "k 3"],
    weights: Float[Tensor, " k"],
) -> Float[Tensor, "k 3"]:
    """The texels' colours, those of little or no weight painted from their surroundings along the surface.

    The surroundings' colours x at the vertices minimise  sum_ij (x_i - x_j)² + sum_i w_i / HALF_KNOWN (x_i - c_i)²,
    the first sum over the edges: a membrane stretched over the surface and held where the views know the colour.
    """
    points, same = torch.unique(mesh.vertices, dim=0, return_inverse=True)
    corners = same[mesh.faces[fragments.face_ids]]
    shares = fragments.barycentrics * weights[:, None]
    held = torch.zeros(len(points), 4).index_add_(
        0,
        corners.reshape(-1),
        (torch.cat([colors, torch.ones_like(colors[:, :1])], dim=1)[:, None] * shares[..., None]).reshape(-1, 4),
    )
    covered = torch.zeros(len(points)).index_add_(0, corners.reshape(-1), fragments.barycentrics.reshape(-1))
    known = held[:, :3] / held[:, 3:].clamp_min(1e-12)
    certainty = held[:, 3] / covered.clamp_min(1e-12) / HALF_KNOWN
    membrane = _stretch(points, same[mesh.faces], known, certainty)
    surroundings = scene.interpolate(membrane[same], fragments)
    trust = (weights / (weights + HALF_KNOWN))[:, None]
    return trust * colors + (1 - trust) * surroundings


def _stretch(
    points: Float[Tensor, "p 3"], faces: Int[Tensor, "f 3"], known: Float[Tensor, "p 3"], certainty: Float[Tensor, " p"]
) -> Float[Tensor, "p 3"]:
    """The membrane's colours at the points."""
    from scipy.sparse import coo_array, csc_array, diags_array
    from scipy.sparse.linalg import factorized
    from scipy.spatial import KDTree

    sure = torch.nonzero(certainty > 1)[:, 0] if bool((certainty > 1).any()) else certainty.argmax()[None]
    _, nearest = KDTree(points[sure].numpy()).query(points.numpy())
    stray = known[sure].double().numpy()[nearest]
    pull = certainty.double().numpy()[:, None]

    a, b = faces.numpy()[:, [0, 1, 2]].reshape(-1), faces.numpy()[:, [1, 2, 0]].reshape(-1)
    edges = coo_array((np.full(len(a), 0.5), (a, b)), shape=(len(points), len(points)))
    adjacency = edges + edges.T
    diagonal = adjacency.sum(axis=1) + pull[:, 0] + STRAY
    solve = factorized(csc_array(diags_array(diagonal) - adjacency))
    right_side = pull * known.double().numpy() + STRAY * stray
    return torch.from_numpy(np.stack([solve(right_side[:, c]) for c in range(3)], axis=1)).float().clamp(0, 1)


def nearest_texels(fragments: Fragments) -> Int[Tensor, "h w"]:
    """Which texel is nearest to each of the atlas' pixels: itself inside the charts.

    With the gaps filled so, no background can shine through at a chart's border, however small it is drawn.
    """
    index = torch.full((fragments.height * fragments.width,), -1)
    index[fragments.pixels] = torch.arange(len(fragments.pixels))
    index = index.view(fragments.height, fragments.width)
    rows, columns = torch.from_numpy(nearest_in(index.numpy() >= 0)).long()
    return index[rows, columns]
