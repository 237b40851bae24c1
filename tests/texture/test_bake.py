import itertools
from dataclasses import replace

import pytest
import torch
from jaxtyping import Float
from torch import Tensor

from dreamgaussian.core.camera import Camera
from dreamgaussian.core.errors import InputError
from dreamgaussian.core.mesh import Mesh
from dreamgaussian.meshing.unwrap import unwrap
from dreamgaussian.raster.mesh import MeshScene, render_mesh
from dreamgaussian.texture.bake import BakeView, bake, bake_cameras
from dreamgaussian.texture.views import locate_texels, view_visibility
from meshing.shapes import box, joined, sphere

SIZE = 256


def painted(points: Float[Tensor, "n 3"]) -> Float[Tensor, "n 3"]:
    """A smooth colour for every point of space."""
    return 0.5 + 0.4 * torch.sin(3 * points + torch.tensor([0.0, 1.0, 2.0]))


def view_of(mesh: Mesh, camera: Camera, is_input: bool = False, colors: Tensor | None = None) -> BakeView:
    """An image of the mesh in its painted colours, or in colours given per vertex."""
    scene = MeshScene(mesh.vertices, mesh.faces)
    fragments = scene.rasterize(camera)
    values = painted(mesh.vertices) if colors is None else colors
    color = fragments.image(scene.interpolate(values, fragments))
    return BakeView(color, fragments.depth.isfinite().float(), camera, is_input)


def flat_view(mesh: Mesh, camera: Camera, color: tuple[float, float, float], is_input: bool = False) -> BakeView:
    return view_of(mesh, camera, is_input, torch.tensor(color, dtype=torch.float32).expand(mesh.vertices.shape[0], 3))


def texel_colors(mesh: Mesh) -> tuple[Tensor, Tensor]:
    """Positions on the surface and the colours there."""
    assert mesh.albedo is not None
    texels = locate_texels(mesh, MeshScene(mesh.vertices, mesh.faces), mesh.albedo.shape[0])
    return texels.positions, mesh.albedo.reshape(-1, 3)[texels.fragments.pixels]


@pytest.fixture(scope="module")
def ball() -> Mesh:
    return unwrap(sphere(0.5, 4), SIZE)


def test_the_albedo_is_what_the_views_show(ball: Mesh):
    baked = bake(ball, [view_of(ball, camera) for camera in bake_cameras(192)], SIZE)
    positions, colors = texel_colors(baked)
    assert float((colors - painted(positions)).abs().mean()) < 0.005
    assert float((colors - painted(positions)).abs().max()) < 0.05


def test_a_baked_mesh_looks_like_its_views_from_between_them(ball: Mesh):
    baked = bake(ball, [view_of(ball, camera) for camera in bake_cameras(192)], SIZE)
    camera = Camera.orbit(22, 20, 96)
    render, truth = render_mesh(baked, camera, 1), view_of(ball, camera)
    assert float((render.color - truth.color).abs().max()) < 0.04


def test_no_background_bleeds_in_at_outlines(ball: Mesh):
    white = [flat_view(ball, camera, (1, 1, 1)) for camera in bake_cameras(64)]
    assert float(texel_colors(bake(ball, white, SIZE))[1].min()) > 0.999


def test_no_texel_of_the_whole_atlas_is_left_dark(ball: Mesh):
    baked = bake(ball, [flat_view(ball, camera, (1, 0.5, 0.25)) for camera in bake_cameras(64)], SIZE)
    assert baked.albedo is not None
    torch.testing.assert_close(baked.albedo, torch.tensor([1, 0.5, 0.25]).expand(SIZE, SIZE, 3), atol=1e-3, rtol=0)


def test_the_strong_view_decides_what_it_sees_well_and_fades_out_smoothly(ball: Mesh):
    blue = [flat_view(ball, camera, (0, 0, 1)) for camera in bake_cameras(192)]
    front = flat_view(ball, Camera.orbit(0, 0, 192), (1, 0, 0), is_input=True)
    baked = bake(ball, [*blue, front], SIZE)
    positions, colors = texel_colors(baked)
    facing = positions[:, 2] / 0.5
    assert float(colors[facing > 0.8, 0].min()) > 0.9
    assert float(colors[facing < 0.2, 0].max()) < 0.1
    render = render_mesh(baked, Camera.orbit(70, 0, 192), 1)
    red = render.color[96][render.alpha[96] == 1, 0]
    assert float(red.diff().abs().max()) < 0.12


def test_a_step_in_exposure_between_the_input_and_the_other_views_is_spread_over_the_surface(ball: Mesh):
    dark = [flat_view(ball, camera, (0.5, 0.4, 0.2)) for camera in bake_cameras(192)]
    front = flat_view(ball, Camera.orbit(0, 0, 192), (0.6, 0.45, 0.3), is_input=True)
    positions, colors = texel_colors(bake(ball, [*dark, front], SIZE))
    facing = positions[:, 2] / 0.5
    assert float(colors[facing > 0.6, 0].min()) > 0.58
    assert float(colors[facing < -0.8, 0].mean()) < 0.53
    bands = [float(colors[(facing - at).abs() < 0.05, 0].mean()) for at in torch.linspace(0.9, -0.9, 19)]
    assert max(before - after for before, after in itertools.pairwise(bands)) < 0.025


def test_a_bump_takes_the_inputs_colour_behind_it_too():
    bumpy = sphere(0.5, 5)
    waves = 1 + 0.012 * torch.sin(60 * bumpy.vertices[:, 1:2])
    bumpy = unwrap(replace(bumpy, vertices=bumpy.vertices * waves), SIZE)
    blue = [flat_view(bumpy, camera, (0, 0, 1)) for camera in bake_cameras(96)]
    front = flat_view(bumpy, Camera.orbit(0, 0, 192), (1, 0, 0), is_input=True)
    positions, colors = texel_colors(bake(bumpy, [*blue, front], SIZE))
    assert float(colors[positions[:, 2] > 0.4, 0].min()) > 0.85


def test_a_hidden_surface_takes_no_colour_from_what_hides_it():
    wall, ball = box((0.8, 0.8, 0.02), (0, 0, 0.4)), sphere(0.3)
    scene = unwrap(joined(wall, ball), SIZE)
    in_front = scene.vertices[:, 2] > 0.35
    colors = torch.where(in_front[:, None], torch.tensor([1.0, 0, 0]), torch.tensor([0.0, 1, 0]))
    cameras = [Camera.orbit(azimuth, 0, 192) for azimuth in range(0, 360, 30)]
    baked = bake(scene, [view_of(scene, camera, colors=colors) for camera in cameras], SIZE)
    positions, texels = texel_colors(baked)
    assert float(texels[positions[:, 2] < 0.1, 0].max()) < 0.05
    assert float(texels[positions[:, 2] > 0.405, 1].max()) < 0.05


def test_an_input_image_is_relied_on_across_steps_in_depth_and_rendered_views_are_not():
    steps = joined(box((0.8, 0.8, 0.3)), box((0.3, 0.3, 0.3), (0, 0, 0.3)))
    scene, camera = MeshScene(steps.vertices, steps.faces), Camera.orbit(0, 0, 192)
    depth = scene.rasterize(camera).depth
    at_step = int((depth[96].diff().abs() > 0.2).nonzero()[1])
    for is_truth in (True, False):
        visibility = view_visibility(scene, camera, 0.02, is_truth=is_truth)
        assert float(visibility.confidence[96, at_step]) == (1.0 if is_truth else 0.0)
        assert float(visibility.confidence[96, 96]) == 1.0


def test_unseen_texels_take_the_colour_of_their_surroundings(ball: Mesh):
    baked = bake(ball, [flat_view(ball, Camera.orbit(0, 0, 192), (0.2, 0.4, 0.6))], SIZE)
    _, colors = texel_colors(baked)
    torch.testing.assert_close(colors, torch.tensor([0.2, 0.4, 0.6]).expand_as(colors), atol=1e-3, rtol=0)


def test_the_papers_views_are_26():
    cameras = bake_cameras(8)
    assert len(cameras) == 26
    assert {round(camera.elevation_deg) for camera in cameras} == {-90, -45, 0, 45, 90}


def test_a_mesh_without_coordinates_is_refused():
    with pytest.raises(InputError, match="unwrap"):
        bake(sphere(), [], SIZE)


def test_views_that_miss_the_mesh_are_refused(ball: Mesh):
    moved = replace(ball, vertices=ball.vertices + torch.tensor([9.0, 0, 0]))
    with pytest.raises(InputError, match="None of the views"):
        bake(moved, [flat_view(ball, Camera.orbit(0, 0, 32), (1, 1, 1))], SIZE)
