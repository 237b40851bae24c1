"""A texture for a mesh made elsewhere."""

import contextlib
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import Tensor

from dreamgaussian.cli import main as cli
from dreamgaussian.core.axes import Axes
from dreamgaussian.core.camera import Camera
from dreamgaussian.core.errors import InputError
from dreamgaussian.core.framing import frame_for
from dreamgaussian.core.image import unpremultiply
from dreamgaussian.core.mesh import Mesh
from dreamgaussian.formats import load_mesh, save
from dreamgaussian.guidance.analytic import AnalyticPrior
from dreamgaussian.guidance.spec import PriorSpec
from dreamgaussian.inputs.subject import Crop, Subject, View
from dreamgaussian.meshing.unwrap import unwrap
from dreamgaussian.raster.mesh import MeshScene, render_mesh
from dreamgaussian.texture.fill import nearest_texels
from dreamgaussian.texture.from_images import MAX_FACES, texture_mesh, usable, with_atlas
from dreamgaussian.texture.settings import RefineSettings, RetextureSettings
from dreamgaussian.texture.views import locate_texels
from meshing.shapes import box, sphere

FRONT = Camera.orbit(0, 20, 128)
PLACE, SIZE = torch.tensor([7.0, 90.0, -3.0]), 12.0
NO_CROP = Crop(1.0, (0.0, 0.0))
EXAMPLE = Path(__file__).parents[2] / "examples" / "cactus.webp"
CONFIG = RetextureSettings(texture_size=128, refine=RefineSettings(steps=6, start_t=0.6, inertia=0.2))


def elsewhere() -> Mesh:
    """A block that lies anywhere, with a degenerate face and without texture coordinates."""
    block = box((0.6, 0.9, 0.5))
    flat = torch.tensor([[0, 0, 1]])
    return Mesh(PLACE + SIZE * block.vertices, torch.cat([block.faces, flat]))


def colored(points: Tensor) -> Tensor:
    return 0.5 + 0.4 * torch.sin(4 * points)


def truth() -> Mesh:
    """The same block, framed as its image shows it and coloured."""
    bare = usable(elsewhere(), None)
    framing = frame_for(bare.vertices, FRONT, 0.8)
    framed = unwrap(replace(bare, vertices=framing.normalize(bare.vertices)), 128)
    texels = locate_texels(framed, MeshScene(framed.vertices, framed.faces), 128)
    return replace(framed, albedo=colored(texels.positions)[nearest_texels(texels.fragments)])


def rgba(mesh: Mesh, camera: Camera) -> Tensor:
    return render_mesh(mesh, camera, 4).rgba


def test_a_mesh_anywhere_is_textured_from_an_image_and_the_prior():
    known = truth()
    subject = Subject((View(unpremultiply(rgba(known, FRONT)), FRONT, NO_CROP),))
    prior = AnalyticPrior(PriorSpec("known", 32, None), lambda camera: rgba(known, camera).permute(2, 0, 1), std=0.02)
    *_, last = texture_mesh(elsewhere(), subject, prior, torch.Generator().manual_seed(0), CONFIG)
    mesh = last.mesh
    assert mesh is not None
    low, high = mesh.vertices.amin(dim=0), mesh.vertices.amax(dim=0)
    torch.testing.assert_close(low, PLACE - SIZE * torch.tensor([0.3, 0.45, 0.25]), rtol=1e-4, atol=1e-3)
    torch.testing.assert_close(high, PLACE + SIZE * torch.tensor([0.3, 0.45, 0.25]), rtol=1e-4, atol=1e-3)
    framing = frame_for(mesh.vertices, FRONT, 0.8)
    framed = replace(mesh, vertices=framing.normalize(mesh.vertices))
    for camera, bar in ((FRONT, 0.05), (Camera.orbit(180, 10, 64), 0.15)):
        ours, theirs = rgba(framed, camera), rgba(known, camera)
        inside = (ours[..., 3] == 1) & (theirs[..., 3] == 1)
        assert float((ours - theirs)[inside].abs().mean()) < bar


def test_the_image_shows_the_framed_mesh_as_its_subject():
    points = PLACE + torch.randn(200, 3, generator=torch.Generator().manual_seed(1)) * torch.tensor([5.0, 1.0, 2.0])
    pixels, depths = FRONT.project(frame_for(points, FRONT, 0.8).normalize(points))
    low, high = pixels.amin(dim=0), pixels.amax(dim=0)
    torch.testing.assert_close((low + high) / 2, torch.tensor([64.0, 64.0]), atol=0.05, rtol=0)
    assert float((high - low).max()) == pytest.approx(0.8 * 128, abs=0.1)
    assert float(depths.min() + depths.max()) / 2 == pytest.approx(2.0, abs=1e-3)


def test_good_texture_coordinates_are_kept_and_overlapping_ones_made_anew():
    ball = unwrap(sphere(0.5, 3), 128)
    assert with_atlas(ball, 128).uvs is ball.uvs
    assert ball.uvs is not None
    shuffled = ball.uvs[torch.randperm(len(ball.uvs), generator=torch.Generator().manual_seed(0))]
    renewed = with_atlas(replace(ball, uvs=shuffled), 128)
    assert renewed.uvs is not shuffled
    assert with_atlas(renewed, 128).uvs is renewed.uvs


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"faces": torch.zeros(0, 3).long()}, "no faces"),
        ({"faces": torch.tensor([[0, 1, 99999]])}, "vertices that it lacks"),
        ({"faces": torch.tensor([[0, 0, 1], [2, 2, 2]])}, "All 2 faces of the mesh are degenerate"),
        ({"vertices": torch.full((8, 3), torch.nan)}, "not finite"),
    ],
)
def test_a_mesh_that_cannot_be_textured_is_refused(change, message):
    with pytest.raises(InputError, match=message):
        usable(replace(box((1, 1, 1)), **change), None)


def test_a_huge_mesh_without_coordinates_is_refused_with_advice():
    ball = sphere(0.5, 2)
    huge = replace(ball, faces=ball.faces.repeat(MAX_FACES // len(ball.faces) + 1, 1))
    with pytest.raises(InputError, match="Pass --faces 100000"):
        with_atlas(huge, 128)


def test_a_mesh_is_simplified_where_faces_are_given():
    assert len(usable(sphere(0.5, 4), 500).faces) <= 500


def test_the_command_textures_an_obj_with_the_embedded_prior(tmp_path, capsys):
    save(sphere(0.5, 3), tmp_path / "ball.obj")
    flags = ["--image", str(EXAMPLE), "--texture-size", "128", "--refine.steps", "1"]
    assert cli.run(["texture", str(tmp_path / "ball.obj"), *flags]) == 0
    written = tmp_path / "ball-textured.glb"
    assert capsys.readouterr().out.strip() == str(written)
    mesh = load_mesh(written)
    assert mesh.albedo is not None
    assert float(mesh.albedo.view(-1, 3).std(dim=0).min()) > 0.02


def test_the_command_textures_by_words_alone_with_an_image_that_is_looked_up(tmp_path):
    save(sphere(0.5, 3), tmp_path / "ball.obj")
    flags = ["--prompt", "a red vase", "--texture-size", "128", "--refine.steps", "1"]
    assert cli.run(["texture", str(tmp_path / "ball.obj"), *flags]) == 0
    red, green, blue = albedo_of(tmp_path / "ball-textured.glb").view(-1, 3).mean(dim=0).tolist()
    assert red > max(green, blue) + 0.1


def albedo_of(path: Path) -> Tensor:
    albedo = load_mesh(path).albedo
    assert albedo is not None
    return albedo


def test_a_mesh_from_blender_gets_its_image_on_its_front_and_comes_out_upright():
    flag = torch.ones(64, 64, 4)
    flag[:, :32, 1:3], flag[:, 32:, :2] = 0, 0
    subject = Subject((View(flag, FRONT.resized(64), NO_CROP),))
    settings = replace(CONFIG, axes=Axes("z+", "y-"), refine=RefineSettings(steps=0))
    prior = AnalyticPrior(PriorSpec("grey", 32, None), lambda camera: torch.full((4, 32, 32), 0.5), std=0.02)
    *_, last = texture_mesh(box((0.5, 0.4, 0.9)), subject, prior, torch.Generator().manual_seed(0), settings)
    assert last.mesh is not None
    size = last.mesh.vertices.amax(dim=0) - last.mesh.vertices.amin(dim=0)
    torch.testing.assert_close(size, torch.tensor([0.5, 0.9, 0.4]))
    seen = render_mesh(last.mesh, Camera.orbit(0, 0, 64), 1).color
    assert seen[32, 26, 0] > 0.9 > 0.1 > seen[32, 26, 2]
    assert seen[32, 38, 2] > 0.9 > 0.1 > seen[32, 38, 0]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["texture", "ball.obj"], "Neither an image nor words were given."),
        (["texture", "ball.obj", "--prompt", "a gryphon"], "gryphon"),
        (["texture", "ball.obj", "--prompt", "a red vase", "--up", "z+", "--front", "z-"], "they lie along one axis"),
        (["texture", "ball.obj", "--image", "no.png"], "There is no file no.png"),
        (["texture", "no.obj", "--image", str(EXAMPLE)], "no.obj"),
    ],
)
def test_mistakes_are_answered_in_one_line(arguments, message, capsys, tmp_path):
    with contextlib.chdir(tmp_path):
        assert cli.run(arguments) == 2
        assert message in capsys.readouterr().err
        assert list(tmp_path.iterdir()) == []
