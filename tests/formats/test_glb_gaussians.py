from pathlib import Path

import numpy as np
import pygltflib
import pytest
import torch
from torch.nn.functional import normalize

from dreamgaussian.core.errors import InputError
from dreamgaussian.core.gaussians import SH_C0
from dreamgaussian.formats import load_gaussians, save
from dreamgaussian.formats.gltf import container, read_container
from formats.test_ply import some_gaussians

NAME = "KHR_gaussian_splatting"


@pytest.mark.parametrize("degree", range(4))
def test_gaussians_come_back(tmp_path: Path, degree: int) -> None:
    gaussians = some_gaussians(degree=degree)
    save(gaussians, tmp_path / "a.glb")
    again = load_gaussians(tmp_path / "a.glb")
    assert torch.equal(again.means, gaussians.means)
    assert torch.equal(again.sh, gaussians.sh)
    torch.testing.assert_close(again.log_scales, gaussians.log_scales, atol=1e-6, rtol=0)
    torch.testing.assert_close(again.opacities, gaussians.opacities, atol=1e-6, rtol=0)
    torch.testing.assert_close(again.quats_wxyz, normalize(gaussians.quats_wxyz, dim=1))


def test_an_independent_reader_finds_what_the_extension_asks_for(tmp_path: Path) -> None:
    gaussians = some_gaussians(degree=2)
    save(gaussians, tmp_path / "a.glb")
    document = pygltflib.GLTF2().load(tmp_path / "a.glb")
    ((primitive,),) = [mesh.primitives for mesh in document.meshes]
    assert primitive.mode == 0
    assert primitive.extensions[NAME]["kernel"] == "ellipse"
    assert primitive.extensions[NAME]["colorSpace"] == "srgb_rec709_display"
    assert document.extensionsUsed == [NAME]

    def column(name: str) -> np.ndarray:
        accessor = document.accessors[vars(primitive.attributes)[name]]
        assert accessor.componentType == 5126
        view = document.bufferViews[accessor.bufferView]
        content = document.binary_blob()[view.byteOffset :][: view.byteLength]
        return np.frombuffer(content, np.float32).reshape(accessor.count, -1)

    xyzw = normalize(gaussians.quats_wxyz, dim=1)[:, [1, 2, 3, 0]]
    np.testing.assert_allclose(column(f"{NAME}:ROTATION"), xyzw, atol=1e-6)
    np.testing.assert_allclose(column(f"{NAME}:SCALE"), gaussians.scales, rtol=1e-6)
    np.testing.assert_allclose(column(f"{NAME}:OPACITY")[:, 0], gaussians.opacities, rtol=1e-6)
    np.testing.assert_array_equal(column(f"{NAME}:SH_DEGREE_0_COEF_0"), gaussians.sh[:, 0])
    np.testing.assert_array_equal(column(f"{NAME}:SH_DEGREE_2_COEF_4"), gaussians.sh[:, 8])
    assert f"{NAME}:SH_DEGREE_3_COEF_0" not in vars(primitive.attributes)


def test_programs_that_do_not_know_the_extension_see_coloured_points(tmp_path: Path) -> None:
    gaussians = some_gaussians()
    gaussians.sh[0, 0] = torch.tensor([0.5, 0.0, -0.5]) / SH_C0  # red, grey, nothing
    save(gaussians, tmp_path / "a.glb")
    document, binary = read_container(tmp_path / "a.glb")
    view = document["bufferViews"][document["meshes"][0]["primitives"][0]["attributes"]["COLOR_0"]]
    assert list(binary[view["byteOffset"] :][:3]) == [255, 55, 0]  # linear, as glTF has COLOR_0


def changed(path: Path, old: str, new: str) -> None:
    import json

    document, binary = read_container(path)
    text = json.dumps(document, separators=(",", ":"))
    assert old in text
    path.write_bytes(container(json.loads(text.replace(old, new)), binary))


def test_a_node_that_moves_gaussians_is_heeded(tmp_path: Path) -> None:
    save(some_gaussians(), tmp_path / "a.glb")
    changed(tmp_path / "a.glb", '"name":"gaussians"}],"meshes"', '"translation":[1,2,3]}],"meshes"')
    torch.testing.assert_close(
        load_gaussians(tmp_path / "a.glb").means, some_gaussians().means + torch.tensor([1.0, 2.0, 3.0])
    )


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ('"name":"gaussians"}],"meshes"', '"scale":[2,2,2]}],"meshes"', "turned or scaled by a node"),
        (f'"{NAME}:SH_DEGREE_1_COEF_1"', '"OTHER"', "has 3 coefficients of spherical harmonics"),
        (f'"{NAME}:OPACITY"', '"OTHER"', "OPACITY"),
        ('"bufferView":0', '"bufferView":99', "cannot|can be read"),
        (f'"{NAME}":{{', '"OTHER":{', "no primitive has Gaussians"),
    ],
)
def test_what_cannot_be_read_is_refused(tmp_path: Path, old: str, new: str, message: str) -> None:
    save(some_gaussians(degree=1), tmp_path / "a.glb")
    changed(tmp_path / "a.glb", old, new)
    with pytest.raises(InputError, match=message):
        load_gaussians(tmp_path / "a.glb")
