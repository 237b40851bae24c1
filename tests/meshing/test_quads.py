import pytest
import torch

from dreamgaussian.core.camera import Camera
from dreamgaussian.core.errors import BackendUnavailable
from dreamgaussian.core.mesh import Mesh
from dreamgaussian.meshing import quads
from dreamgaussian.meshing.build import build_mesh
from dreamgaussian.meshing.clean import signed_volumes
from dreamgaussian.meshing.quads import remeshed
from dreamgaussian.meshing.settings import MeshSettings
from meshing.closed import is_closed
from meshing.shapes import coverage, shell_gaussians, sphere


@pytest.fixture(scope="module")
def ball() -> Mesh:
    return remeshed(sphere(0.5, 4), 2000)


def test_a_remeshed_ball_is_closed_and_has_its_outline_and_volume(ball: Mesh):
    assert is_closed(ball)
    assert 1000 < len(ball.faces) < 4000
    assert float(signed_volumes(ball).sum()) == pytest.approx(float(signed_volumes(sphere(0.5, 4)).sum()), rel=0.01)
    before, after = (coverage(mesh, Camera.orbit(30, 20, 128), 4) for mesh in (sphere(0.5, 4), ball))
    assert float(torch.minimum(before, after).sum() / torch.maximum(before, after).sum()) > 0.99


def test_its_triangles_are_pairs_that_make_even_quads(ball: Mesh):
    halves = ball.faces[: len(ball.faces) // 2], ball.faces[len(ball.faces) // 2 :]
    pairs = zip(ball.faces[::2].tolist(), ball.faces[1::2].tolist(), strict=True)
    assert len(halves[0]) == len(halves[1])
    assert all(len({*one} & {*other}) == 2 for one, other in pairs)
    lengths = (ball.vertices[ball.faces[:, 0]] - ball.vertices[ball.faces[:, 1]]).norm(dim=1)
    assert float(lengths.std() / lengths.mean()) < 0.35


def test_nothing_is_told_on_the_standard_output(capfd):
    remeshed(sphere(0.5, 3), 500)
    assert capfd.readouterr().out == ""


def test_the_mesh_stage_can_end_in_quads():
    mesh = build_mesh(shell_gaussians(), MeshSettings(resolution=32, faces=1500, texture_size=128, remesh=True))
    assert mesh.uvs is not None
    assert 700 < len(mesh.faces) < 3000


def test_without_its_library_remeshing_says_what_to_install(monkeypatch):
    monkeypatch.setattr(quads, "find_spec", lambda name: None)
    with pytest.raises(BackendUnavailable, match=r"dreamgaussian\[remesh\]"):
        build_mesh(shell_gaussians(), MeshSettings(remesh=True))
