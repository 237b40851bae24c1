"""Inpainting over the surface: texels that no view saw, and the gaps between the atlas' charts."""

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor

from dreamgaussian.core.mesh import Mesh
from dreamgaussian.meshing.morphology import nearest_in
from dreamgaussian.raster.mesh import Fragments, MeshScene

HALF_WEIGHT = 0.01
"""Sum of weights at which a texel's colour comes in equal parts from the views and from its surroundings."""
NEAREST_WEIGHT = 1e-4
"""Weight of the nearest known colour in space, for pieces of the surface that no view saw at all: too small to be seen
where a connected texel is known."""
DECAY_LENGTH = 0.3
"""World units over which a solution that decays falls to 1 / e."""


class SurfaceInpainter:
    """Spreads values that are known at some texels over the whole surface: a screened Poisson equation on the mesh."""

    def __init__(self, mesh: Mesh, scene: MeshScene, fragments: Fragments) -> None:
        self._points, self._same = torch.unique(mesh.vertices, dim=0, return_inverse=True)
        self._faces = self._same[mesh.faces]
        self._scene, self._fragments = scene, fragments
        self._corners = self._faces[fragments.face_ids]
        edges = self._points[self._faces] - self._points[self._faces.roll(1, dims=1)]
        self._edge_length = float(edges.norm(dim=-1).mean())

    def solve(
        self, values: Float[Tensor, "k c"], certainty: Float[Tensor, " k"], *, decay: bool = False
    ) -> Float[Tensor, "k c"]:
        """The values x at all texels, which minimise, at the vertices,

            sum_ij (x_i - x_j)² + sum_i certainty_i (x_i - value_i)² + weight sum_i (x_i - fallback_i)²

        with the first sum over the edges. The fallback is the nearest certain value in space, with NEAREST_WEIGHT;
        with `decay` it is zero, with the weight under which x falls to 1 / e over DECAY_LENGTH.

        Args:
            values: at the texels; they count where `certainty` is above 0.
            certainty: at least 0. At 1 the value weighs as much as one of the vertex' neighbours.
            decay: let x fall to zero away from what is certain.
        """
        known, held = self._at_points(values, certainty)
        if decay:
            # exp(-x / DECAY_LENGTH) solves x'' = x / DECAY_LENGTH² along a line of edges of this length.
            fallback, weight = torch.zeros_like(known), (self._edge_length / DECAY_LENGTH) ** 2
        else:
            fallback, weight = self._nearest_certain(known, held), NEAREST_WEIGHT
        solved = self._solve(held.double().numpy(), known.double().numpy(), fallback.double().numpy(), weight)
        return self._scene.interpolate(solved[self._same], self._fragments)

    def _at_points(
        self, values: Float[Tensor, "k c"], certainty: Float[Tensor, " k"]
    ) -> tuple[Float[Tensor, "p c"], Float[Tensor, " p"]]:
        """Means of the texels round the vertices: of the values, weighted by certainty, and of the certainties."""
        corners, shares = self._corners.reshape(-1), self._fragments.barycentrics * certainty[:, None]
        weighted = torch.cat([values, torch.ones_like(values[:, :1])], dim=1)[:, None] * shares[..., None]
        sums = torch.zeros(len(self._points), weighted.shape[-1])
        sums.index_add_(0, corners, weighted.reshape(len(corners), -1))
        covered = torch.zeros(len(self._points)).index_add_(0, corners, self._fragments.barycentrics.reshape(-1))
        return sums[:, :-1] / sums[:, -1:].clamp_min(1e-12), sums[:, -1] / covered.clamp_min(1e-12)

    def _nearest_certain(self, known: Float[Tensor, "p c"], held: Float[Tensor, " p"]) -> Float[Tensor, "p c"]:
        from scipy.spatial import KDTree

        sure = torch.nonzero(held > 1)[:, 0] if bool((held > 1).any()) else held.argmax()[None]
        _, nearest = KDTree(self._points[sure].numpy()).query(self._points.numpy())
        return known[sure][nearest]

    def _solve(
        self,
        held: Float[np.ndarray, " p"],
        known: Float[np.ndarray, "p c"],
        fallback: Float[np.ndarray, "p c"],
        weight: float,
    ) -> Float[Tensor, "p c"]:
        from scipy.sparse import coo_array, csc_array, diags_array
        from scipy.sparse.linalg import factorized

        faces, count = self._faces.numpy(), len(self._points)
        a, b = faces.reshape(-1), np.roll(faces, -1, axis=1).reshape(-1)
        edges = coo_array((np.full(len(a), 0.5), (a, b)), shape=(count, count))  # each edge belongs to two faces
        adjacency = edges + edges.T
        solve = factorized(csc_array(diags_array(adjacency.sum(axis=1) + held + weight) - adjacency))
        right_side = held[:, None] * known + weight * fallback
        return torch.from_numpy(np.stack([solve(column) for column in right_side.T], axis=1)).float()


def fill_unseen(
    inpainter: SurfaceInpainter, colors: Float[Tensor, "k 3"], weights: Float[Tensor, " k"]
) -> Float[Tensor, "k 3"]:
    """The texels' colours, those of little or no weight inpainted from their surroundings along the surface."""
    surroundings = inpainter.solve(colors, weights / HALF_WEIGHT).clamp(0, 1)
    trust = (weights / (weights + HALF_WEIGHT))[:, None]
    return trust * colors + (1 - trust) * surroundings


def nearest_texels(fragments: Fragments) -> Int[Tensor, "h w"]:
    """Which texel is nearest to each of the atlas' pixels: itself inside the charts.

    With the gaps filled so, no background can shine through at a chart's border, however small it is drawn.
    """
    index = torch.full((fragments.height * fragments.width,), -1)
    index[fragments.pixels] = torch.arange(len(fragments.pixels))
    index = index.view(fragments.height, fragments.width)
    rows, columns = torch.from_numpy(nearest_in(index.numpy() >= 0)).long()
    return index[rows, columns]
