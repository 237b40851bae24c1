import torch

from dreamgaussian.core.camera import Camera
from dreamgaussian.meshing.extract import Outline, extract_surface
from dreamgaussian.meshing.field import DensityField
from dreamgaussian.meshing.fusion import SURFACE, fuse
from dreamgaussian.raster.mesh import MeshScene
from meshing.shapes import sphere, trimesh_of


def test_depth_maps_of_a_ball_fuse_into_the_ball():
    ball = sphere(0.4)
    scene = MeshScene(ball.vertices, ball.faces)
    views: list[Outline] = []
    for azimuth, elevation in [(0, 0), (90, 0), (180, 0), (270, 0), (0, 90), (0, -90)]:
        camera = Camera.orbit(azimuth, elevation, 128)
        depth = scene.rasterize(camera).depth
        views.append(Outline(depth.isfinite().float(), camera, depth.nan_to_num(posinf=0)))
    field = DensityField(torch.zeros(49, 49, 49), torch.full((3,), -0.6), 0.025)
    assert list(fuse(field, views))[-1] == 1
    solid = extract_surface(field, SURFACE)
    radii = solid.vertices.norm(dim=1)
    assert float((radii - 0.4).abs().mean()) < 0.006
    assert trimesh_of(solid).is_watertight
    assert trimesh_of(solid).body_count == 1
