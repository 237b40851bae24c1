import pytest
import torch

from dreamgaussian.core.axes import Axes
from dreamgaussian.core.camera import Camera
from dreamgaussian.core.gaussians import Gaussians
from dreamgaussian.core.transform import rotated, to_y_up
from dreamgaussian.raster.reference import ReferenceRasterizer
from meshing.shapes import box

TURNS = [Axes("z+", "y-"), Axes("y-", "z+"), Axes("x-", "y+")]


def scene() -> Gaussians:
    """A few long Gaussians whose colours depend on the direction."""
    generator = torch.Generator().manual_seed(0)
    return Gaussians(
        0.4 * torch.randn(20, 3, generator=generator),
        torch.randn(20, 3, generator=generator) * 0.5 - 2.5,
        torch.randn(20, 4, generator=generator),
        torch.full((20,), 2.0),
        0.4 * torch.randn(20, 16, 3, generator=generator),
    )


@pytest.mark.parametrize("axes", TURNS)
def test_a_turned_camera_sees_turned_gaussians_as_before(axes: Axes):
    turn = torch.tensor(axes.rows, dtype=torch.float64)
    camera = Camera.orbit(30, 20, 48)
    transform = camera.camera_from_world.clone()
    transform[:3, :3] = transform[:3, :3] @ turn.T
    before = ReferenceRasterizer().render(scene(), camera)
    after = ReferenceRasterizer().render(to_y_up(scene(), axes), Camera(transform, 48, 48))
    assert float(before.color.std()) > 0.1
    torch.testing.assert_close(after.color, before.color, atol=1e-4, rtol=0)


def test_rotating_there_and_back_changes_nothing():
    turn = torch.tensor(TURNS[0].rows, dtype=torch.float32)
    back = rotated(rotated(scene(), turn), turn.T)
    for name, tensor in scene().tensors().items():
        signs = torch.sign((back.quats_wxyz * tensor).sum(dim=1, keepdim=True)) if name == "quats_wxyz" else 1.0
        torch.testing.assert_close(signs * back.tensors()[name], tensor, atol=1e-5, rtol=1e-5)


def test_a_mesh_from_blender_stands_upright():
    tall = box((0.2, 0.4, 1.0), center=(0, -1, 0))
    mesh = to_y_up(tall, Axes("z+", "y-"))
    size = mesh.vertices.amax(dim=0) - mesh.vertices.amin(dim=0)
    torch.testing.assert_close(size, torch.tensor([0.2, 1.0, 0.4]))
    torch.testing.assert_close(mesh.vertices.mean(dim=0), torch.tensor([0.0, 0.0, 1.0]))
