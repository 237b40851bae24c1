"""Khronos's validator has nothing to say of our .glb files."""

from pathlib import Path

import pytest
import torch

from dreamgaussian.core.mesh import Mesh
from dreamgaussian.formats import save
from dreamgaussian.formats.glb_gaussians import EXTENSION
from dreamgaussian.formats.settings import GlbSettings
from formats.subjects import bumpy, textured
from formats.test_ply import some_gaussians
from formats.tools import needs_node, validator_messages
from meshing.shapes import sphere

MESHES = {
    "plain": sphere(0.5, 2),
    "textured": textured(),
    "bumpy": bumpy(),
    "flat": Mesh(torch.zeros(3, 3), torch.tensor([[0, 1, 2]]), torch.zeros(3, 2), torch.ones(1, 1, 3)),
}
NOT_KNOWN = {"UNSUPPORTED_EXTENSION", "UNUSED_OBJECT"}
"""What the validator says of an extension that it does not know, and of what only that extension uses."""

pytestmark = needs_node


@pytest.mark.parametrize("compression", ["none", "quantized", "meshopt"])
def test_the_validator_finds_nothing(tmp_path: Path, compression: str):
    for name, mesh in MESHES.items():
        for texture in ("png", "webp"):
            save(mesh, tmp_path / f"{name}-{texture}.glb", GlbSettings(texture, compression))
    for path, messages in validator_messages(*tmp_path.iterdir()).items():
        if compression == "meshopt":
            messages = [each for each in messages if each["code"] not in NOT_KNOWN or each["severity"] < 2]
        assert messages == [], path


def test_of_gaussians_the_validator_knows_only_not_the_attributes_names(tmp_path: Path):
    for degree in range(4):
        save(some_gaussians(degree=degree), tmp_path / f"{degree}.glb")
    for path, messages in validator_messages(*tmp_path.iterdir()).items():
        others = [each for each in messages if EXTENSION not in str(each["pointer"])]
        assert [each for each in others if each["code"] not in NOT_KNOWN] == [], path
        codes = {each["code"] for each in messages if EXTENSION in str(each["pointer"])}
        assert codes == {"MESH_PRIMITIVE_INVALID_ATTRIBUTE"}, path
