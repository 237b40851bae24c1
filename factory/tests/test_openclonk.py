from pathlib import Path

import numpy as np
import pytest

from dreamgaussian.core.errors import ConfigError
from factory import openclonk
from factory.openclonk import GameObject, read_objects, unpack, unpack_group
from factory.tests.tiny_packages import write_openclonk


@pytest.fixture
def objects(tmp_path: Path) -> dict[str, GameObject]:
    folder = unpack(write_openclonk(tmp_path / "game.deb"), tmp_path / "sources")
    return {item.key: item for item in read_objects(folder)}


def test_whole_things_are_listed_with_names_and_categories(objects: dict[str, GameObject]) -> None:
    cow = objects["OpenClonk-Animals-ToadstoolCow"]
    assert (cow.name, cow.category, cow.licence) == ("toadstool cow", "Animals", "CC-BY 3.0")
    assert cow.creator == "the OpenClonk team"
    assert objects["OpenClonk-Clonk"].name == "adventurer"
    assert not any("Helmet" in key for key in objects)
    assert len(objects) == 4 + len(openclonk.SKINS)


def test_an_overlay_takes_the_tint_and_the_rest_shows_the_skin(objects: dict[str, GameObject]) -> None:
    sage = objects["OpenClonk-Clonk-Sage"]
    assert (sage.category, sage.name) == ("Characters", "sage")
    model = sage.load()
    assert model is not None
    (material,) = model.materials
    assert material.texture is not None
    assert material.texture[0, 0] == pytest.approx(np.array([0x81, 0x31, 0, 255]) / 255)
    assert material.texture[-1, 0] == pytest.approx([0, 0, 1, 1])
    assert np.ptp(model.vertices, axis=0).tolist() == [1, 2, 1]
    assert model.uvs[2, 1] == 0
    assert len(model.texture_hashes) == 1


def test_a_package_is_unpacked_once(tmp_path: Path) -> None:
    package = write_openclonk(tmp_path / "game.deb")
    folder = unpack(package, tmp_path / "sources")
    package.unlink()
    assert unpack(package, folder) == folder
    assert (folder / "Objects" / "Clonk" / "GraphicsFarmer.mesh").exists()


def test_what_is_no_group_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="Objects of the package openclonk-data is not a group file"):
        unpack_group(bytes(300), tmp_path / "Objects")
