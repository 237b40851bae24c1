import torch
from torch.nn.functional import normalize

from dreamgaussian.core.mesh import Mesh
from dreamgaussian.core.normals import face_normals, vertex_normals
from dreamgaussian.meshing.unwrap import unwrap
from meshing.shapes import box, sphere


def test_a_boxs_face_normals_are_the_axes():
    normals = face_normals(box((1, 1, 1)))
    assert sorted(tuple(n) for n in normals.round().int().tolist()) == sorted(
        2 * [(1, 0, 0), (-1, 0, 0), (0, 1, 0), (0, -1, 0), (0, 0, 1), (0, 0, -1)]
    )


def test_a_spheres_vertex_normals_point_outwards():
    ball = sphere()
    cosines = (vertex_normals(ball) * normalize(ball.vertices, dim=1)).sum(dim=1)
    assert float(cosines.min()) > 0.999


def test_normals_agree_on_both_sides_of_a_seam():
    cut = unwrap(sphere(), 256)
    assert cut.vertices.shape[0] > sphere().vertices.shape[0]
    cosines = (vertex_normals(cut) * normalize(cut.vertices, dim=1)).sum(dim=1)
    assert float(cosines.min()) > 0.999


def test_a_mesh_of_three_faces_has_right_normals():
    vertices = torch.tensor([[0.0, 0, 0], [1, 0, 0], [0, 1, 0], [0, 0, 1]])
    faces = torch.tensor([[0, 1, 2], [0, 2, 3], [0, 3, 1]])
    torch.testing.assert_close(face_normals(Mesh(vertices, faces)), torch.tensor([[0.0, 0, 1], [1, 0, 0], [0, 1, 0]]))
