from dataclasses import replace

import torch
from torch.nn.functional import normalize

from dreamgaussian.core.normals import vertex_normals
from dreamgaussian.core.tangents import vertex_tangents
from dreamgaussian.meshing.normal_map import bake_normals
from dreamgaussian.meshing.unwrap import atlas_fragments, unwrap
from dreamgaussian.raster.mesh import MeshScene, sample
from meshing.shapes import sphere

SIZE = 256


def test_a_coarse_ball_with_its_map_has_the_normals_of_the_fine_one():
    fine = sphere(0.5, 5)
    fine = replace(fine, vertices=fine.vertices * (1 + 0.01 * torch.sin(25 * fine.vertices[:, 1:2])))
    coarse = unwrap(sphere(0.5, 3), SIZE)
    mapped = bake_normals(coarse, fine, SIZE)
    assert mapped.normal_map is not None
    torch.testing.assert_close(mapped.normal_map.norm(dim=-1), torch.ones(SIZE, SIZE))

    # As a viewer of glTF shades it.
    fragments, scene = atlas_fragments(coarse, SIZE), MeshScene(coarse.vertices, coarse.faces)
    assert coarse.uvs is not None
    local = sample(mapped.normal_map, scene.interpolate(coarse.uvs, fragments))
    normals = normalize(scene.interpolate(vertex_normals(coarse), fragments), dim=1)
    tangents = scene.interpolate(vertex_tangents(coarse), fragments)
    along_u = normalize(tangents[:, :3], dim=1)
    up = torch.linalg.cross(normals, along_u, dim=1) * tangents[:, 3:]
    shaded = normalize(local[:, :1] * along_u + local[:, 1:2] * up + local[:, 2:] * normals, dim=1)

    heights = scene.interpolate(coarse.vertices, fragments)[:, 1]
    outward = normalize(scene.interpolate(coarse.vertices, fragments), dim=1)
    # The gradient of r - 0.5 (1 + 0.01 sin(25 y)), with y that of the surface.
    true = normalize(outward - 0.5 * 0.25 * torch.cos(25 * heights)[:, None] * torch.tensor([0.0, 1.0, 0.0]), dim=1)
    assert float((shaded * true).sum(dim=1).mean()) > 0.999
    assert float((normals * true).sum(dim=1).mean()) < 0.9985


def test_where_there_is_no_detailed_surface_the_map_is_flat():
    coarse = unwrap(sphere(0.5, 2), 64)
    mapped = bake_normals(coarse, sphere(0.2, 2), 64)
    assert mapped.normal_map is not None
    torch.testing.assert_close(mapped.normal_map, torch.tensor([0.0, 0.0, 1.0]).expand(64, 64, 3), atol=1e-4, rtol=0)
