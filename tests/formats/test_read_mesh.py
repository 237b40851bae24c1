"""Meshes come back from their files, those of others are read, and what is broken is refused in one line."""

import random
import struct
from pathlib import Path

import numpy as np
import pytest
import torch
import trimesh
from PIL import Image

from dreamgaussian.core.camera import Camera
from dreamgaussian.core.errors import InputError
from dreamgaussian.core.image import psnr
from dreamgaussian.core.mesh import Mesh
from dreamgaussian.formats import load, load_mesh, save
from dreamgaussian.formats.gltf import container
from dreamgaussian.formats.registry import endings
from dreamgaussian.formats.settings import GlbSettings
from dreamgaussian.raster.mesh import render_mesh
from formats.subjects import bumpy, textured
from meshing.shapes import box, sphere

WITH_TEXTURE = [".glb", ".obj", ".ply", ".usdz"]
GLB_VARIANTS = [GlbSettings(texture, how) for texture in ("png", "webp") for how in ("none", "quantized", "meshopt")]


@pytest.mark.parametrize("ending", WITH_TEXTURE)
def test_a_textured_mesh_comes_back(tmp_path: Path, ending: str):
    save(textured(), tmp_path / f"a{ending}")
    again = load_mesh(tmp_path / f"a{ending}")
    assert torch.equal(again.faces, textured().faces)
    torch.testing.assert_close(again.vertices, textured().vertices, atol=1e-6 if ending == ".obj" else 0, rtol=0)
    torch.testing.assert_close(again.uvs, textured().uvs, atol=1e-6, rtol=0)
    torch.testing.assert_close(again.albedo, textured().albedo, atol=0.5 / 255 + 1e-6, rtol=0)


@pytest.mark.parametrize("settings", GLB_VARIANTS, ids=lambda settings: f"{settings.texture}-{settings.compression}")
def test_every_kind_of_glb_comes_back_within_its_steps(tmp_path: Path, settings: GlbSettings):
    save(bumpy(), tmp_path / "a.glb", settings)
    again = load_mesh(tmp_path / "a.glb")
    step = 0 if settings.compression == "none" else 1 / 65535
    extent = (bumpy().vertices.amax(dim=0) - bumpy().vertices.amin(dim=0)).max()
    assert torch.equal(smallest_first(again.faces), smallest_first(bumpy().faces))  # meshopt turns triangles
    assert (again.vertices - bumpy().vertices).abs().max() <= 0.51 * step * extent
    assert (again.uvs - bumpy().uvs).abs().max() <= 0.51 * step
    assert (again.normal_map - bumpy().normal_map).abs().max() <= 1 / 255 + 1e-6
    if settings.texture == "png":
        assert (again.albedo - bumpy().albedo).abs().max() <= 0.5 / 255 + 1e-6
    else:
        assert psnr(again.albedo, bumpy().albedo) > 35


def smallest_first(faces: torch.Tensor) -> torch.Tensor:
    turns = (faces.argmin(dim=1, keepdim=True) + torch.arange(3)) % 3
    return faces.gather(1, turns)


def test_compressed_files_are_smaller(tmp_path: Path):
    sizes = []
    for how in ("none", "quantized", "meshopt"):
        save(sphere(0.5, 4), tmp_path / "a.glb", GlbSettings(compression=how))
        sizes.append((tmp_path / "a.glb").stat().st_size)
    assert sizes[0] > 1.2 * sizes[1] > 1.4 * sizes[2]


@pytest.mark.parametrize("ending", endings("mesh"))
def test_a_mesh_without_texture_coordinates_or_with_flat_faces_comes_back(tmp_path: Path, ending: str):
    flat = Mesh(torch.tensor([[0.0, 0, 0], [1, 0, 0], [0, 1, 0], [2, 0, 0]]), torch.tensor([[0, 1, 2], [0, 1, 3]]))
    save(flat, tmp_path / f"a{ending}")
    again = load_mesh(tmp_path / f"a{ending}")
    assert len(again.faces) == 2
    torch.testing.assert_close(again.vertices[again.faces], flat.vertices[flat.faces])


def test_a_million_faces_and_some_of_them_flat_come_back(tmp_path: Path):
    steps = torch.arange(708 * 708).reshape(708, 708)
    faces = torch.stack([steps[:-1, :-1], steps[1:, :-1], steps[1:, 1:]], dim=-1).reshape(-1, 3).repeat(2, 1)
    faces[:1000] = 0
    vertices = torch.rand(708 * 708, 3, generator=torch.Generator().manual_seed(0))
    save(Mesh(vertices, faces, vertices[:, :2], torch.ones(8, 8, 3)), tmp_path / "a.glb")
    again = load_mesh(tmp_path / "a.glb")
    assert torch.equal(again.faces, faces)
    assert torch.equal(again.vertices, vertices)


def test_an_stl_has_its_corners_put_together(tmp_path: Path):
    save(sphere(0.5, 2), tmp_path / "a.stl")
    mesh = load_mesh(tmp_path / "a.stl")
    again = trimesh.Trimesh(mesh.vertices.numpy(), mesh.faces.numpy())
    assert again.is_watertight
    assert len(again.vertices) == len(sphere(0.5, 2).vertices)


def test_a_scene_of_others_is_read_with_its_transforms_and_several_textures(tmp_path: Path):
    """Two boxes of two images, one moved, turned and mirrored by its node, as trimesh writes them."""
    scene = trimesh.Scene()
    for color, place in (((255, 0, 0), (-0.4, 0, 0)), ((0, 0, 255), (0.4, 0, 0))):
        solid = trimesh.creation.box((0.4, 0.4, 0.4))
        uv = np.full((len(solid.vertices), 2), 0.5)
        image = Image.new("RGB", (8, 8), color)
        material = trimesh.visual.material.PBRMaterial(baseColorTexture=image)
        solid.visual = trimesh.visual.TextureVisuals(uv, material=material)
        transform = trimesh.transformations.rotation_matrix(0.3, (0, 1, 0))
        transform[:3, 3] = place
        transform[:3, 0] *= -1 if place[0] > 0 else 1
        scene.add_geometry(solid, transform=transform)
    scene.export(tmp_path / "a.glb")
    mesh = load_mesh(tmp_path / "a.glb")
    render = render_mesh(mesh, Camera.orbit(0, 0, 64))
    left, right = render.color[:, :32].sum(dim=(0, 1)), render.color[:, 32:].sum(dim=(0, 1))
    assert left[0] > 50 > left[2]
    assert right[2] > 50 > right[0]
    solid = trimesh.Trimesh(mesh.vertices.numpy(), mesh.faces.numpy())
    assert solid.volume == pytest.approx(2 * 0.4**3, rel=1e-4)  # a mirrored part is not inside out


def test_a_plain_colour_becomes_an_image(tmp_path: Path):
    solid = trimesh.creation.box((1, 1, 1))
    material = trimesh.visual.material.PBRMaterial(baseColorFactor=[0, 0, 255, 255])
    solid.visual = trimesh.visual.TextureVisuals(np.zeros((len(solid.vertices), 2)), material=material)
    solid.export(tmp_path / "a.glb")
    albedo = load_mesh(tmp_path / "a.glb").albedo
    assert albedo is not None
    torch.testing.assert_close(albedo, torch.tensor([[[0.0, 0.0, 1.0]]]))


def truncated(content: bytes) -> list[bytes]:
    return [content[: int(share * len(content))] for share in (0, 0.001, 0.1, 0.5, 0.9, 0.999)]


@pytest.mark.parametrize("ending", [".glb", ".ply", ".stl"])
def test_a_file_that_is_cut_short_is_refused_in_one_line(tmp_path: Path, ending: str):
    path = tmp_path / f"a{ending}"
    save(box((1, 1, 1)), path)
    for content in truncated(path.read_bytes()):
        path.write_bytes(content)
        with pytest.raises(InputError, match=rf"a\{ending}") as caught:
            load(path)
        assert "\n" not in str(caught.value)


def glb(document: dict, binary: bytes = bytes(64)) -> bytes:
    return container({"asset": {"version": "2.0"}, **document}, binary)


def triangle(**accessor: object) -> dict:
    """A document of one triangle whose positions are described as told."""
    accessors = [{"bufferView": 0, "componentType": 5126, "count": 3, "type": "VEC3"} | accessor]
    meshes = [{"primitives": [{"attributes": {"POSITION": 0}}]}]
    views = [{"buffer": 0, "byteLength": 36}]
    return {"nodes": [{"mesh": 0}], "meshes": meshes, "accessors": accessors, "bufferViews": views}


LIES = {
    "a huge count": glb(triangle(count=2**40)),
    "a negative count": glb(triangle(count=-3)),
    "a count beyond the chunk": glb(triangle(count=30)),
    "no such view": glb(triangle(bufferView=7)),
    "no such type": glb(triangle(componentType=1)),
    "a matrix": glb(triangle(type="MAT4")),
    "nodes in a loop": glb({"nodes": [{"children": [0], "mesh": 0}], "scenes": [{"nodes": [0]}], "meshes": []}),
    "a loop without a mesh": glb({"nodes": [{"children": [0]}], "scenes": [{"nodes": [0]}]}),
    "no mesh": glb({"nodes": []}),
    "draco": glb(triangle() | {"extensionsRequired": ["KHR_draco_mesh_compression"]}),
    "nodes held by many": glb(
        {"nodes": [{"children": [i + 1] * 50} for i in range(8)] + [{}], "scenes": [{"nodes": [0]}]}
    ),
    "an unknown extension": glb(triangle() | {"extensionsRequired": ["KHR_texture_basisu"]}),
    "extensions that are no list": glb(triangle() | {"extensionsUsed": 5}),
    "a buffer elsewhere": glb(triangle() | {"buffers": [{"byteLength": 36, "uri": "other.bin"}]}),
    "two coordinates": glb(triangle(type="VEC2")),
    "not a number": glb(triangle(), np.full(16, np.nan, np.float32).tobytes()),
    "a list": struct.pack("<4sIIII", b"glTF", 2, 24, 4, 0x4E4F534A) + b"[1] ",
    "no json": struct.pack("<4sIIII", b"glTF", 2, 24, 4, 0x4E4F534A) + b"{{{{",
    "version 1": struct.pack("<4sIIII", b"glTF", 1, 24, 4, 0x4E4F534A) + b"{}  ",
    "wrong magic": b"gltf" + bytes(30),
}


@pytest.mark.parametrize("content", LIES.values(), ids=LIES.keys())
def test_a_glb_that_lies_is_refused_in_one_line(tmp_path: Path, content: bytes):
    (tmp_path / "a.glb").write_bytes(content)
    with pytest.raises(InputError, match=r"a\.glb") as caught:
        load(tmp_path / "a.glb")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.obj", b""),
        ("a.obj", b"v 0 0 0\nv 1 0 0\nf 1 2 9\n"),
        ("a.obj", b"v 0 0 nan\nv 1 0 0\nv 0 1 0\nf 1 2 3\n"),
        ("a.obj", b"\xff\xfe\x00garbage"),
        ("a.stl", b"solid nothing\nendsolid\n"),
        ("a.stl", bytes(80) + b"\xff\xff\xff\xff"),
        ("a.ply", b"ply\nformat ascii 1.0\nelement vertex 1\nproperty float x\nend_header\n1\n"),
        (
            "a.ply",
            b"ply\nformat binary_little_endian 1.0\nelement face 999999999999\nproperty list uchar int i\nend_header\n",
        ),
        ("a.ply", b"not a ply"),
    ],
)
def test_other_broken_files_are_refused_in_one_line(tmp_path: Path, name: str, content: bytes):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(InputError, match=name) as caught:
        load(tmp_path / name)
    assert "\n" not in str(caught.value)


def test_damaged_glbs_are_read_or_refused_in_one_line(tmp_path: Path):
    save(bumpy(), tmp_path / "whole.glb", GlbSettings(compression="quantized"))
    content = (tmp_path / "whole.glb").read_bytes()
    size = 20 + struct.unpack_from("<I", content, 12)[0]
    damage = random.Random(0)
    for _ in range(150):
        broken = bytearray(content)
        for _ in range(damage.randrange(1, 6)):
            broken[damage.randrange(size)] = damage.choice(b'0123456789{}[]",:-eabc \xff\0')
        (tmp_path / "a.glb").write_bytes(broken)
        message = ""
        try:
            load(tmp_path / "a.glb")
        except InputError as error:
            message = str(error)
        assert "\n" not in message
