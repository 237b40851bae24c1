import json
import struct
from dataclasses import replace
from pathlib import Path

import numpy as np
import pygltflib
import pytest
import torch
import trimesh

from dreamgaussian.core.camera import Camera
from dreamgaussian.core.errors import ConfigError
from dreamgaussian.core.mesh import Mesh
from dreamgaussian.formats import save
from dreamgaussian.meshing.unwrap import unwrap
from dreamgaussian.raster.mesh import render_mesh
from meshing.shapes import sphere, trimesh_of


@pytest.fixture(scope="module")
def textured() -> Mesh:
    """A ball with a texture that is different in every corner."""
    rows, columns = torch.meshgrid(torch.linspace(0, 1, 64), torch.linspace(0, 1, 64), indexing="ij")
    return replace(unwrap(sphere(0.5, 3), 64), albedo=torch.stack([rows, columns, 1 - rows * columns], dim=-1))


def reread(path: Path) -> Mesh:
    """As trimesh understands the file, with v turned back to run downwards."""
    (geometry,) = trimesh.load_scene(path).geometry.values()
    image = getattr(geometry.visual.material, "baseColorTexture", None) or geometry.visual.material.image
    uvs = torch.from_numpy(np.array(geometry.visual.uv)).float()
    return Mesh(
        torch.from_numpy(np.array(geometry.vertices)).float(),
        torch.from_numpy(np.array(geometry.faces)).long(),
        torch.stack([uvs[:, 0], 1 - uvs[:, 1]], dim=1),
        torch.from_numpy(np.array(image.convert("RGB"))).float() / 255,
    )


def test_a_reread_file_looks_the_same(textured: Mesh, tmp_path: Path):
    save(textured, tmp_path / "ball.glb")
    again = reread(tmp_path / "ball.glb")
    for azimuth in (0, 120, 240):
        camera = Camera.orbit(azimuth, 20, 64)
        ours, theirs = render_mesh(textured, camera), render_mesh(again, camera)
        torch.testing.assert_close(theirs.color, ours.color, atol=0.01, rtol=0)


def test_the_header_and_chunks_have_the_lengths_they_state(textured: Mesh, tmp_path: Path):
    save(textured, tmp_path / "ball.glb")
    data = (tmp_path / "ball.glb").read_bytes()
    magic, version, length = struct.unpack_from("<4sII", data)
    json_length, json_kind = struct.unpack_from("<I4s", data, 12)
    binary_length, binary_kind = struct.unpack_from("<I4s", data, 20 + json_length)
    assert (magic, version, length) == (b"glTF", 2, len(data))
    assert (json_kind, binary_kind) == (b"JSON", b"BIN\0")
    assert 28 + json_length + binary_length == len(data)
    assert json_length % 4 == 0
    assert binary_length % 4 == 0
    json.loads(data[20 : 20 + json_length])


def test_the_material_is_a_matt_textured_one(textured: Mesh, tmp_path: Path):
    save(textured, tmp_path / "ball.glb")
    document = pygltflib.GLTF2().load(tmp_path / "ball.glb")
    (material,) = document.materials
    surface = material.pbrMetallicRoughness
    assert (surface.metallicFactor, surface.roughnessFactor) == (0, 1)
    assert not material.doubleSided
    assert document.images[document.textures[surface.baseColorTexture.index].source].mimeType == "image/png"


def test_bounds_and_unit_normals_are_stated(textured: Mesh, tmp_path: Path):
    save(textured, tmp_path / "ball.glb")
    document = pygltflib.GLTF2().load(tmp_path / "ball.glb")
    attributes = document.meshes[0].primitives[0].attributes
    position = document.accessors[attributes.POSITION]
    assert position.min == pytest.approx(textured.vertices.amin(dim=0).tolist())
    assert position.max == pytest.approx(textured.vertices.amax(dim=0).tolist())
    view = document.bufferViews[document.accessors[attributes.NORMAL].bufferView]
    normals = np.frombuffer(document.binary_blob()[view.byteOffset :][: view.byteLength], np.float32).reshape(-1, 3)
    np.testing.assert_allclose(np.linalg.norm(normals, axis=1), 1, atol=1e-5)


def test_a_mesh_without_texture_is_written_without_one(tmp_path: Path):
    save(sphere(), tmp_path / "plain.glb")
    document = pygltflib.GLTF2().load(tmp_path / "plain.glb")
    assert document.images == []
    assert document.meshes[0].primitives[0].attributes.TEXCOORD_0 is None
    (geometry,) = trimesh.load_scene(tmp_path / "plain.glb").geometry.values()
    assert geometry.volume == pytest.approx(trimesh_of(sphere()).volume, rel=1e-5)


def test_a_face_without_area_still_has_unit_normals(tmp_path: Path):
    save(Mesh(torch.zeros(3, 3), torch.tensor([[0, 1, 2]])), tmp_path / "point.glb")
    document = pygltflib.GLTF2().load(tmp_path / "point.glb")
    view = document.bufferViews[document.accessors[document.meshes[0].primitives[0].attributes.NORMAL].bufferView]
    normals = np.frombuffer(document.binary_blob()[view.byteOffset :][: view.byteLength], np.float32).reshape(-1, 3)
    np.testing.assert_allclose(np.linalg.norm(normals, axis=1), 1)


def test_a_folder_that_is_not_there_is_a_clear_error(textured: Mesh, tmp_path: Path):
    with pytest.raises(ConfigError, match="cannot be written"):
        save(textured, tmp_path / "nowhere" / "ball.glb")
