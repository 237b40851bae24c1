"""`dreamgaussian view`: finished files in the studio's view."""

from pathlib import Path

import pytest
import torch
from starlette.testclient import TestClient

from dreamgaussian.core.errors import InputError
from dreamgaussian.core.gaussians import Gaussians
from dreamgaussian.formats import save
from dreamgaussian.formats.splat import splat_bytes
from dreamgaussian.studio.server.view import open_layers, view_app
from dreamgaussian.studio.settings import StudioSettings
from meshing.shapes import sphere


@pytest.fixture
def gaussians() -> Gaussians:
    return Gaussians.in_ball(20, 0.5, torch.Generator().manual_seed(0))


@pytest.fixture
def run_folder(tmp_path: Path, gaussians: Gaussians) -> Path:
    save(gaussians, tmp_path / "gaussians.ply")
    save(sphere(), tmp_path / "mesh.glb")
    return tmp_path


def test_a_runs_folder_is_shown_as_gaussians_beside_the_mesh(run_folder, gaussians):
    layers = open_layers([run_folder])
    assert [(layer.title, layer.kind) for layer in layers] == [("gaussians.ply", "splats"), ("mesh.glb", "mesh")]
    assert layers[0].data == splat_bytes(gaussians)
    assert layers[1].data.startswith(b"glTF")


def test_every_file_that_can_be_read_can_be_shown(tmp_path, gaussians):
    for name in ("a.splat", "b.spz"):
        save(gaussians, tmp_path / name)
    for name in ("c.obj", "d.stl"):
        save(sphere(), tmp_path / name)
    layers = open_layers([tmp_path / name for name in ("a.splat", "b.spz", "c.obj", "d.stl")])
    assert [layer.kind for layer in layers] == ["splats", "splats", "mesh", "mesh"]


def test_the_page_gets_the_files_and_nothing_else(run_folder):
    layers = open_layers([run_folder])
    with TestClient(view_app(layers, StudioSettings()), base_url="http://127.0.0.1") as client:
        assert client.get("/").status_code == 200
        assert client.get("/api/studio").json()["view"][1] == {"title": "mesh.glb", "kind": "mesh"}
        assert client.get("/layers/1").content == layers[1].data
        assert client.get("/layers/2").status_code == 404
        assert client.get("/api/studio", headers={"Host": "evil.example"}).status_code == 403


def test_what_cannot_be_shown_is_told_in_words(tmp_path):
    with pytest.raises(InputError, match=r"holds no gaussians\.ply"):
        open_layers([tmp_path])
    with pytest.raises(InputError, match="nothing to show"):
        open_layers([])
    with pytest.raises(InputError):
        open_layers([tmp_path / "missing.glb"])
