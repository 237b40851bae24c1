"""Surfaces come out closed, with one fan of triangles round every vertex."""

import numpy as np
import pytest
import torch

from dreamgaussian.core.mesh import Mesh
from dreamgaussian.meshing.clean import decimate, signed_volumes
from dreamgaussian.meshing.manifold import closed_manifold
from dreamgaussian.texture.from_images import merged
from meshing.closed import is_closed
from meshing.shapes import sphere


def blocks(solid: np.ndarray) -> Mesh:
    """The surface of cubes of side 1: two triangles wherever a full one meets an empty one."""
    full = np.pad(solid, 1)
    points, faces = list[np.ndarray](), list[list[int]]()
    for axis in range(3):
        for side in (0, 1):
            neighbour = np.roll(full, 1 - 2 * side, axis)
            for cell in np.argwhere(full & ~neighbour) - 1:
                square = np.zeros((4, 3))
                square[:, axis] = side
                square[:, (axis + 1) % 3], square[:, (axis + 2) % 3] = [0, 1, 1, 0], [0, 0, 1, 1]
                first = len(points)
                points += list(cell + square)
                order = [0, 1, 2, 3] if side else [3, 2, 1, 0]
                a, b, c, d = (first + i for i in order)
                faces += [[a, b, c], [a, c, d]]
    return merged(Mesh(torch.tensor(np.array(points), dtype=torch.float32), torch.tensor(faces)))


def volume(mesh: Mesh) -> float:
    return float(signed_volumes(mesh).sum())


def full(*cells: tuple[int, int, int]) -> np.ndarray:
    solid = np.zeros((2, 2, 2), bool)
    solid[tuple(np.array(cells).T)] = True
    return solid


PINCHED = {
    "in an edge": full((0, 0, 0), (1, 1, 0)),
    "in a point": full((0, 0, 0), (1, 1, 1)),
    "in an edge of a ring": full((0, 0, 0), (0, 0, 1), (1, 0, 1), (1, 1, 1), (1, 1, 0)),
    "everywhere": np.random.default_rng(0).random((8, 8, 8)) < 0.4,
}


@pytest.mark.parametrize("solid", PINCHED.values(), ids=PINCHED.keys())
def test_sheets_that_touch_are_taken_apart(solid: np.ndarray):
    before = blocks(solid)
    after = closed_manifold(before)
    assert len(after.vertices) > len(before.vertices)
    assert is_closed(after)
    assert is_closed(merged(after))  # also for a reader that goes by places
    assert volume(after) == pytest.approx(int(solid.sum()), rel=0.06)
    assert float((after.vertices - after.vertices.round()).abs().amax()) <= 0.5 + 1e-6


def test_a_manifold_stays_as_it_is():
    ball = sphere(0.5, 3)
    again = closed_manifold(ball)
    torch.testing.assert_close(again.vertices[again.faces], ball.vertices[ball.faces], atol=0, rtol=0)
    assert len(again.vertices) == len(ball.vertices)


@pytest.mark.parametrize("missing", [1, 2, 30], ids=lambda count: f"{count} faces")
def test_holes_are_filled(missing: int):
    ball = sphere(0.5, 3)
    nearest = (ball.vertices[ball.faces].mean(dim=1) - ball.vertices[ball.faces[0]].mean(dim=0)).norm(dim=1).argsort()
    solid = closed_manifold(Mesh(ball.vertices, ball.faces[nearest[missing:]]))
    assert is_closed(solid)
    assert volume(solid) == pytest.approx(volume(ball), rel=0.01)


def test_fins_go():
    ball = sphere(0.5, 2)
    tip = torch.tensor([[0.0, 2.0, 0.0]])
    a, b, _ = ball.faces[0].tolist()
    fin = torch.tensor([[a, b, len(ball.vertices)], [b, a, len(ball.vertices)]])
    assert len(closed_manifold(Mesh(torch.cat([ball.vertices, tip]), torch.cat([ball.faces, fin]))).faces) == 320


@pytest.mark.parametrize("faces", [200, 500])
def test_what_edge_collapse_makes_of_a_porous_solid_is_closed(faces: int):
    porous = closed_manifold(blocks(PINCHED["everywhere"]))
    assert is_closed(closed_manifold(decimate(porous, faces)))


def test_a_closed_manifold_is_told_from_an_open_one_and_a_pinched_one():
    ball = sphere(0.5, 2)
    assert is_closed(ball)
    assert not is_closed(Mesh(ball.vertices, ball.faces[1:]))
    assert not is_closed(Mesh(ball.vertices, torch.cat([ball.faces, ball.faces[:1]])))
    assert not is_closed(Mesh(ball.vertices, torch.cat([ball.faces[1:], ball.faces[:1].flip(1)])))
    assert not is_closed(blocks(PINCHED["in an edge"]))
