import math
from dataclasses import replace

import pytest
import torch

from dreamgaussian.core.camera import Camera
from dreamgaussian.core.errors import InputError
from dreamgaussian.core.mesh import Mesh
from dreamgaussian.raster.mesh import MeshScene, render_mesh, sample
from meshing.shapes import box, coverage, joined, sphere


def scene_of(mesh: Mesh) -> MeshScene:
    return MeshScene(mesh.vertices, mesh.faces)


def square(half: float = 0.5) -> Mesh:
    """A square in the plane z = 0 that faces the front camera, with a 2 x 2 texture."""
    corners = torch.tensor([[-1.0, 1, 0], [-1, -1, 0], [1, -1, 0], [1, 1, 0]])
    uvs = torch.tensor([[0.0, 0], [0, 1], [1, 1], [1, 0]])
    albedo = torch.tensor([[[1.0, 0, 0], [0, 1, 0]], [[0, 0, 1], [1, 1, 1]]])
    return Mesh(half * corners, torch.tensor([[0, 1, 2], [0, 2, 3]]), uvs, albedo)


def test_depth_is_along_the_viewing_axis():
    fragments = scene_of(square()).rasterize(Camera.orbit(0, 0, 33))
    torch.testing.assert_close(fragments.depths, torch.full_like(fragments.depths, 2.0))


def test_a_spheres_outline_covers_the_projected_disc():
    alpha = coverage(sphere(), Camera.orbit(40, 25, 128), 4)
    angle = math.asin(0.5 / 2)
    radius_px = Camera.orbit(40, 25, 128).focal_px * math.tan(angle)
    assert float(alpha.sum()) == pytest.approx(math.pi * radius_px**2, rel=0.01)


def test_hits_are_where_the_rays_say():
    ball = sphere()
    camera = Camera.orbit(30, 20, (48, 32))
    scene = scene_of(ball)
    fragments = scene.rasterize(camera)
    positions = scene.interpolate(ball.vertices, fragments)
    pixels, depths = camera.project(positions)
    centres = torch.stack([fragments.pixels % 48, fragments.pixels // 48], dim=1) + 0.5
    torch.testing.assert_close(pixels, centres, atol=1e-3, rtol=0)
    torch.testing.assert_close(depths, fragments.depths)


def test_no_light_shines_through_a_closed_surface():
    depth = scene_of(sphere(0.5, 5)).rasterize(Camera.orbit(10, 5, 512)).depth
    rows, columns = torch.meshgrid(torch.arange(512) - 255.5, torch.arange(512) - 255.5, indexing="ij")
    assert bool(depth[(rows**2 + columns**2).sqrt() < 120].isfinite().all())


def test_the_nearer_of_two_surfaces_is_seen():
    scene = scene_of(joined(box((1, 1, 0.1), (0, 0, -0.3)), box((0.2, 0.2, 0.1), (0, 0, 0.3))))
    depth = scene.rasterize(Camera.orbit(0, 0, 65)).depth
    assert float(depth[32, 32]) == pytest.approx(1.65, abs=1e-5)
    assert float(depth[32, 20]) == pytest.approx(2.25, abs=1e-5)


def test_the_texture_is_the_right_way_up():
    mesh = replace(square(), albedo=square().albedo.repeat_interleave(16, 0).repeat_interleave(16, 1))
    color = render_mesh(mesh, Camera.orbit(0, 0, 64)).color
    quarters = [color[24, 24], color[24, 40], color[40, 24], color[40, 40]]
    torch.testing.assert_close(torch.stack(quarters), square().albedo.view(4, 3))


def test_lookup_is_bilinear_between_texel_centres():
    texture = torch.tensor([[[0.0], [1.0]], [[2.0], [3.0]]])
    uvs = torch.tensor([[0.25, 0.25], [0.5, 0.25], [0.5, 0.5], [0.0, 0.0], [1.0, 1.0]])
    torch.testing.assert_close(sample(texture, uvs), torch.tensor([[0.0], [0.5], [1.5], [0.0], [3.0]]))


def test_colours_are_premultiplied_by_coverage():
    mesh = replace(square(), albedo=torch.full((4, 4, 3), 0.5))
    render = render_mesh(mesh, Camera.orbit(0, 0, 37), supersampling=4)
    assert bool(((render.alpha > 0) & (render.alpha < 1)).any())
    torch.testing.assert_close(render.color, 0.5 * render.alpha[..., None].expand(-1, -1, 3))


def test_images_are_differentiable_in_the_texture():
    albedo = torch.rand(4, 4, 3, generator=torch.Generator().manual_seed(0)).requires_grad_()
    camera = Camera.orbit(20, 10, 24)
    cotangent = torch.randn(24, 24, 3, generator=torch.Generator().manual_seed(1))
    loss = (render_mesh(replace(square(), albedo=albedo), camera).color * cotangent).sum()
    (gradient,) = torch.autograd.grad(loss, albedo)
    step = torch.randn(4, 4, 3, generator=torch.Generator().manual_seed(2))
    moved = (render_mesh(replace(square(), albedo=albedo.detach() + step), camera).color * cotangent).sum()
    torch.testing.assert_close((gradient * step).sum(), moved - loss.detach(), rtol=1e-4, atol=1e-4)


def test_a_camera_inside_sees_the_mesh_all_round():
    camera = replace(Camera.orbit(0, 0, 16, radius=0.1))
    assert bool(scene_of(sphere()).rasterize(camera).depth.isfinite().all())


def test_a_mesh_out_of_sight_makes_an_empty_image():
    assert float(coverage(box((0.1, 0.1, 0.1), (5, 0, 0)), Camera.orbit(0, 0, 16)).sum()) == 0


def test_a_mesh_without_texture_is_refused():
    with pytest.raises(InputError, match="no texture"):
        render_mesh(sphere(), Camera.orbit(0, 0, 8))


def test_a_mesh_without_faces_is_refused():
    with pytest.raises(InputError, match="without faces"):
        MeshScene(torch.zeros(3, 3), torch.zeros(0, 3, dtype=torch.long))
