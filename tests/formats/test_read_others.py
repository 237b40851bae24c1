"""What other programs put into .glb and .obj files, and we never write."""

import base64
import io
import json
import random
import struct
import zlib
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from dreamgaussian.core.errors import ConfigError, DreamGaussianError, InputError
from dreamgaussian.core.mesh import Mesh
from dreamgaussian.formats import convert, load_mesh, save
from dreamgaussian.formats.gltf import container, read_container
from dreamgaussian.formats.settings import GlbSettings
from formats.subjects import bumpy, textured

SQUARE = np.array([[0, 0, 0], [0, 1, 0], [1, 0, 0], [1, 1, 0]], np.float32)
CORNERS = np.array([[0, 1], [0, 0], [1, 1], [1, 0]], np.float32)


def png(color: tuple[int, int, int], side: int = 8) -> bytes:
    stream = io.BytesIO()
    Image.new("RGB", (side, side), color).save(stream, "PNG")
    return stream.getvalue()


def address(content: bytes, kind: str = "application/octet-stream") -> str:
    return f"data:{kind};base64,{base64.b64encode(content).decode()}"


def square(primitive: dict | None = None, **document: object) -> dict:
    """A square of two triangles with texture coordinates, all of it written out in the document."""
    content = SQUARE.tobytes() + CORNERS.tobytes()
    material = {"pbrMetallicRoughness": {"baseColorTexture": {"index": 0}}}
    accessor = {"componentType": 5126, "count": 4}
    return {
        "asset": {"version": "2.0"},
        "nodes": [{"mesh": 0}],
        "meshes": [{"primitives": [{"attributes": {"POSITION": 0, "TEXCOORD_0": 1}, "mode": 5, "material": 0}]}]
        if primitive is None
        else [{"primitives": [{"attributes": {"POSITION": 0, "TEXCOORD_0": 1}, "material": 0} | primitive]}],
        "materials": [material],
        "textures": [{"source": 0}],
        "images": [{"uri": address(png((255, 0, 0)), "image/png")}],
        "buffers": [{"byteLength": len(content), "uri": address(content)}],
        "bufferViews": [{"buffer": 0, "byteLength": 48}, {"buffer": 0, "byteOffset": 48, "byteLength": 32}],
        "accessors": [accessor | {"bufferView": 0, "type": "VEC3"}, accessor | {"bufferView": 1, "type": "VEC2"}],
    } | document


def read(folder: Path, document: dict) -> Mesh:
    (folder / "a.glb").write_bytes(container(document, b""))
    return load_mesh(folder / "a.glb")


def test_data_and_images_may_be_written_out_in_the_document(tmp_path: Path):
    mesh = read(tmp_path, square())
    torch.testing.assert_close(mesh.vertices, torch.from_numpy(SQUARE))
    torch.testing.assert_close(mesh.uvs, torch.from_numpy(CORNERS))
    torch.testing.assert_close(mesh.albedo, torch.tensor([1.0, 0, 0]).expand(8, 8, 3))


@pytest.mark.parametrize(
    ("mode", "faces"),
    [(4, [[0, 1, 2]]), (5, [[0, 1, 2], [1, 3, 2]]), (6, [[1, 2, 0], [2, 3, 0]])],
    ids=["list", "strip", "fan"],
)
def test_triangles_may_be_a_list_a_strip_or_a_fan(tmp_path: Path, mode: int, faces: list):
    assert read(tmp_path, square({"mode": mode})).faces.tolist() == faces


def test_texture_coordinates_are_scaled_turned_and_shifted(tmp_path: Path):
    move = {"offset": [0.25, 0.5], "scale": [0.5, 0.25], "rotation": np.pi / 2}
    used = {"index": 0, "extensions": {"KHR_texture_transform": move}}
    mesh = read(tmp_path, square(materials=[{"pbrMetallicRoughness": {"baseColorTexture": used}}]))
    u, v = 0.5 * CORNERS[:, 0], 0.25 * CORNERS[:, 1]
    torch.testing.assert_close(mesh.uvs, torch.from_numpy(np.stack([0.25 + v, 0.5 - u], axis=1)))


def test_specular_glossy_materials_keep_their_colour(tmp_path: Path):
    glossy = {"diffuseTexture": {"index": 0}, "diffuseFactor": [1, 1, 1, 1]}
    material = {"extensions": {"KHR_materials_pbrSpecularGlossiness": glossy}}
    assert read(tmp_path, square(materials=[material])).albedo.shape == (8, 8, 3)


def test_parts_that_share_an_image_leave_it_as_it_is(tmp_path: Path):
    mesh = read(
        tmp_path, square(nodes=[{"mesh": 0}, {"mesh": 0, "translation": [0, 0, 1]}], scenes=[{"nodes": [0, 1]}])
    )
    assert len(mesh.vertices) == 8
    assert mesh.albedo.shape == (8, 8, 3)
    torch.testing.assert_close(mesh.uvs, torch.from_numpy(CORNERS).repeat(2, 1))


def test_a_chain_of_many_nodes_is_read(tmp_path: Path):
    nodes = [{"children": [i + 1], "translation": [0, 0, 1]} for i in range(3000)]
    mesh = read(tmp_path, square(nodes=[*nodes, {"mesh": 0}]))
    assert float(mesh.vertices[0, 2]) == 3000


@pytest.mark.parametrize(
    ("images", "message"),
    [
        ([{"uri": "wood.png"}], r"it needs the file 'wood\.png'\. Pack it into the \.glb"),
        ([{"uri": address(b"nothing")}], "one of its images is broken or too large"),
    ],
)
def test_images_that_are_elsewhere_or_broken_are_named(tmp_path: Path, images: list, message: str):
    with pytest.raises(InputError, match=message):
        read(tmp_path, square(images=images))


def test_an_image_that_would_fill_the_memory_is_refused(tmp_path: Path):
    def chunk(kind: bytes, content: bytes) -> bytes:
        return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))

    head = struct.pack(">IIBBBBB", 60_000, 60_000, 1, 0, 0, 0, 0)
    bomb = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(b"")) + chunk(b"IEND", b"")
    with pytest.raises(InputError, match="broken or too large"):
        read(tmp_path, square(images=[{"uri": address(bomb)}]))


@pytest.mark.parametrize("settings", [GlbSettings(), GlbSettings(compression="quantized")], ids=["plain", "quantized"])
def test_a_texture_that_repeats_goes_on_repeating(tmp_path: Path, settings: GlbSettings):
    repeating = replace(textured(), uvs=3 * textured().uvs - 1)
    save(repeating, tmp_path / "a.glb", settings)
    document, _ = read_container(tmp_path / "a.glb")
    assert {document["samplers"][0]["wrapS"], document["samplers"][0]["wrapT"]} == {10497}
    torch.testing.assert_close(load_mesh(tmp_path / "a.glb").uvs, repeating.uvs)


def test_an_image_that_an_obj_names_and_is_not_there_is_missed_aloud(tmp_path: Path, caplog: pytest.LogCaptureFixture):
    save(textured(), tmp_path / "a.obj")
    (tmp_path / "a_albedo.png").unlink()
    assert load_mesh(tmp_path / "a.obj").albedo is None
    assert "a.obj names a_albedo.png, which is not there or broken: it is read without." in caplog.text
    (tmp_path / "a.mtl").unlink()
    assert load_mesh(tmp_path / "a.obj").albedo is None
    assert "names a.mtl" in caplog.text


def test_an_image_of_another_machines_folder_is_found_beside_the_obj(tmp_path: Path):
    save(textured(), tmp_path / "a.obj")
    material = (tmp_path / "a.mtl").read_text()
    (tmp_path / "a.mtl").write_text(material.replace("map_Kd ", "map_Kd C:\\work\\"))
    assert load_mesh(tmp_path / "a.obj").albedo is not None


def test_colours_of_an_obj_without_images_are_kept(tmp_path: Path):
    (tmp_path / "a.mtl").write_text("newmtl red\nKd 1 0 0\nnewmtl blue\nKd 0 0 1\n")
    lines = ["mtllib a.mtl", "v 0 0 0", "v 1 0 0", "v 0 1 0", "v 0 0 1", "usemtl red", "f 1 2 3", "usemtl blue"]
    (tmp_path / "a.obj").write_text("\n".join([*lines, "f 1 3 4", ""]))
    mesh = load_mesh(tmp_path / "a.obj")
    colors = {tuple(mesh.albedo[v, u].tolist()) for u, v in (mesh.uvs * 2).long().tolist()}
    assert colors == {(1.0, 0.0, 0.0), (0.0, 0.0, 1.0)}


def test_flat_vertices_are_refused(tmp_path: Path):
    (tmp_path / "a.obj").write_text("v 0 0\nv 1 0\nv 0 1\nf 1 2 3\n")
    with pytest.raises(InputError, match="its vertices have 2 coordinates"):
        load_mesh(tmp_path / "a.obj")


def test_files_beside_the_target_are_not_overwritten(tmp_path: Path):
    save(textured(), tmp_path / "a.glb")
    (tmp_path / "b_albedo.png").write_bytes(b"an image of mine")
    for target in ("b.obj", "b.ply"):
        with pytest.raises(ConfigError, match=r"b_albedo\.png is already there"):
            convert(tmp_path / "a.glb", tmp_path / target)
    assert (tmp_path / "b_albedo.png").read_bytes() == b"an image of mine"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.glb", "b_albedo.png"]


def test_formats_that_name_the_same_image_stand_beside_each_other(tmp_path: Path):
    save(textured(), tmp_path / "a.glb")
    convert(tmp_path / "a.glb", tmp_path / "a.obj")
    convert(tmp_path / "a.glb", tmp_path / "a.ply")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.glb", "a.mtl", "a.obj", "a.ply", "a_albedo.png"]


ODD = [None, -1, 0, 3, 2**40, 1e30, 0.5, True, "x", "data:,AAAA", [], {}, [0, 0, 0], [1] * 16, {"a": 1}, 5121, "VEC3"]


def places(value: object, place: tuple = ()) -> list[tuple]:
    """Paths to everything in a document."""
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [place, *(path for key, each in items for path in places(each, (*place, key)))]


@pytest.mark.parametrize("compression", ["none", "quantized", "meshopt"])
def test_documents_with_odd_values_are_read_or_refused(tmp_path: Path, compression: str):
    save(bumpy(), tmp_path / "whole.glb", GlbSettings(compression=compression))
    content = (tmp_path / "whole.glb").read_bytes()
    length = struct.unpack_from("<I", content, 12)[0]
    whole, binary = content[20 : 20 + length], content[28 + length :]
    chance = random.Random(0)
    for _ in range(60):
        document = json.loads(whole)
        *way, last = chance.choice(places(document)[1:])
        holder = document
        for key in way:
            holder = holder[key]
        holder[last] = chance.choice(ODD)
        (tmp_path / "a.glb").write_bytes(container(document, binary))
        try:
            assert len(load_mesh(tmp_path / "a.glb").faces) > 0
        except DreamGaussianError as error:
            assert "\n" not in str(error)  # noqa: PT017
