"""What a browser shows of our .glb files, beside our own images from the same cameras."""

from pathlib import Path

import torch
from jaxtyping import Float
from torch import Tensor

from dreamgaussian.core.camera import Camera
from dreamgaussian.core.image import psnr
from dreamgaussian.core.mesh import Mesh
from dreamgaussian.core.normals import vertex_normals
from dreamgaussian.core.tangents import vertex_tangents
from dreamgaussian.formats import save
from dreamgaussian.formats.settings import GlbSettings
from dreamgaussian.raster.mesh import MeshScene, render_mesh, sample
from formats.subjects import bumpy, textured
from formats.tools import Shot, browser_images, needs_browser

CAMERA = Camera.orbit(30, 20, 256)
LIGHT = (1.0, 2.0, 3.0)
FLIPPED = torch.tensor([1.0, -1.0, 1.0])
VARIANTS = [GlbSettings(), GlbSettings("webp", "meshopt"), GlbSettings("png", "quantized")]


@needs_browser
def test_three_js_shows_what_we_see(tmp_path: Path):
    shots = []
    for i, settings in enumerate(VARIANTS):
        save(textured(), tmp_path / f"{i}.glb", settings)
        shots.append(Shot(tmp_path / f"{i}.glb", CAMERA))
    save(bumpy(), tmp_path / "bumpy.glb")
    *plain, lit = browser_images([*shots, Shot(tmp_path / "bumpy.glb", CAMERA, LIGHT)])
    render = render_mesh(textured(), CAMERA)
    expected = render.color + 1 - render.alpha[..., None]
    for image, settings in zip(plain, VARIANTS, strict=True):
        assert psnr(image, expected) > 38, settings  # 41.7 to 42.5 measured
    expected = lambert(bumpy(), bumpy().normal_map)
    assert psnr(lit, expected) > 29  # 31.8 measured
    assert psnr(lit, lambert(bumpy(), bumpy().normal_map * FLIPPED)) < 24  # green the wrong way up; 21.5 measured


def lambert(mesh: Mesh, normal_map: Float[Tensor, "i j 3"]) -> Float[Tensor, "h w 3"]:
    """The mesh under the lamp, as a matt surface, with normals from a map, on white."""
    assert mesh.uvs is not None
    assert mesh.albedo is not None
    scene = MeshScene(mesh.vertices, mesh.faces)
    seen = scene.rasterize(CAMERA)
    uvs, frame = scene.interpolate(mesh.uvs, seen), scene.interpolate(vertex_tangents(mesh), seen)
    normal, tangent = scene.interpolate(vertex_normals(mesh), seen), frame[:, :3]
    bitangent = torch.linalg.cross(normal, tangent, dim=1) * frame[:, 3:]
    x, y, z = sample(normal_map, uvs).split(1, dim=1)
    bent = torch.nn.functional.normalize(x * tangent + y * bitangent + z * normal, dim=1)
    lit = (bent @ torch.nn.functional.normalize(torch.tensor(LIGHT), dim=0)).clamp_min(0)
    linear = sample(mesh.albedo, uvs) ** 2.2 * lit[:, None]
    color = torch.cat([linear ** (1 / 2.2), torch.ones(len(linear), 1)], dim=1)
    image = seen.image(color)
    return image[..., :3] + 1 - image[..., 3:]
