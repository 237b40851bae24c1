"""Assets of other programs: their files, frames and scores."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from PIL import Image

from dreamgaussian import image_to_3d
from dreamgaussian.cli import main as cli
from dreamgaussian.config import from_json
from dreamgaussian.core.axes import Axes
from dreamgaussian.core.errors import ConfigError
from dreamgaussian.core.gaussians import Gaussians
from dreamgaussian.core.mesh import Mesh
from dreamgaussian.core.transform import rotated
from dreamgaussian.evaluate.assets import find_assets, read_asset
from dreamgaussian.evaluate.baselines import inflated_mesh
from dreamgaussian.evaluate.benchmark import evaluate
from dreamgaussian.evaluate.dataset import decode_image, read_index, read_object
from dreamgaussian.evaluate.results import read_result
from dreamgaussian.evaluate.settings import AssetSettings, EvalSettings
from dreamgaussian.formats import save
from dreamgaussian.raster import choose_rasterizer
from dreamgaussian.raster.mesh import render_mesh

ENTRIES = read_index()
ENTRY = ENTRIES[0]
OBJECT = read_object(ENTRY)
CAMERA = ENTRY.input_camera
BLENDER = Axes(up="z+", front="y-")
AS_IS = AssetSettings(align=False)


@pytest.fixture(scope="module")
def mesh() -> Mesh:
    """The input's silhouette as a balloon, which fills the input camera's frame as the object does."""
    return inflated_mesh(OBJECT.input_view, CAMERA)


@pytest.fixture(scope="module")
def gaussians(mesh: Mesh) -> Gaussians:
    points = mesh.vertices[::7]
    return Gaussians.at_points(points, torch.full_like(points, 0.5), opacity=0.9)


def read(path: Path, settings: AssetSettings) -> Gaussians | Mesh:
    return read_asset(path, CAMERA, OBJECT.input_view, settings)


def positions(asset: Gaussians | Mesh) -> torch.Tensor:
    return asset.vertices if isinstance(asset, Mesh) else asset.means


def foreign(asset: Gaussians | Mesh) -> Gaussians | Mesh:
    """The asset as Blender has it, 40 times as large and far away."""
    there = rotated(asset, torch.tensor(BLENDER.rows, dtype=torch.float32).T)
    offset = torch.tensor([70.0, -20.0, 5.0])
    if isinstance(there, Mesh):
        return replace(there, vertices=40 * there.vertices + offset)
    return replace(there, means=40 * there.means + offset, log_scales=there.log_scales + torch.tensor(40.0).log())


def test_the_inputs_are_written_under_the_keys_of_their_objects(tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    assert cli.run(["eval", "--write-inputs", str(tmp_path / "inputs")]) == 0
    assert capsys.readouterr().out.strip() == str(tmp_path / "inputs")
    index = json.loads((tmp_path / "inputs" / "inputs.json").read_text())
    assert list(index) == [entry.key for entry in ENTRIES]
    assert index[ENTRY.key] == {"name": ENTRY.name, "elevation_deg": ENTRY.elevation_deg}
    with Image.open(tmp_path / "inputs" / f"{ENTRY.key}.png") as image:
        assert (image.mode, image.size) == ("RGBA", (256, 256))
    assert torch.equal(decode_image((tmp_path / "inputs" / f"{ENTRY.key}.png").read_bytes()), OBJECT.input_view)


@pytest.mark.parametrize("kind", ["mesh", "gaussians"])
def test_an_asset_in_a_foreign_frame_is_brought_into_ours(kind: str, request, tmp_path: Path) -> None:
    asset: Gaussians | Mesh = request.getfixturevalue(kind)
    path = tmp_path / ("a.glb" if kind == "mesh" else "a.ply")
    save(foreign(asset), path)
    found = read(path, AssetSettings(axes=BLENDER))
    save(asset, path)
    expected = read(path, AssetSettings())
    assert torch.allclose(positions(found), positions(expected), atol=1e-3)
    assert torch.allclose(positions(expected), positions(asset), atol=0.03)
    assert torch.equal(positions(read(path, AS_IS)), positions(asset))


@pytest.mark.parametrize("kind", ["mesh", "gaussians"])
def test_an_aligned_asset_is_as_long_as_the_input(kind: str, request, tmp_path: Path) -> None:
    asset: Gaussians | Mesh = request.getfixturevalue(kind)
    path = tmp_path / ("a.glb" if kind == "mesh" else "a.ply")
    save(foreign(asset), path)
    found = read(path, AssetSettings(axes=BLENDER))
    if isinstance(found, Mesh):
        alpha = render_mesh(found, CAMERA).alpha
    else:
        alpha = choose_rasterizer("auto", torch.device("cpu")).render(found, CAMERA).alpha
    longer = max(extent(OBJECT.input_view[..., 3]), key=lambda span: span[1] - span[0])
    assert max(extent(alpha), key=lambda span: span[1] - span[0]) == pytest.approx(longer, abs=2)


def extent(alpha: torch.Tensor) -> list[tuple[int, int]]:
    """First and last row, and first and last column, of a silhouette."""
    return [(int(pixels.min()), int(pixels.max())) for pixels in (alpha > 0.5).nonzero().T]


def test_an_asset_that_stands_as_in_the_image_is_tilted_by_its_elevation(mesh: Mesh, tmp_path: Path) -> None:
    towards = CAMERA.position.float() / CAMERA.radius
    rotation = CAMERA.camera_from_world[:3, :3].float()
    assert torch.allclose(rotation @ towards, torch.tensor([0.0, 0.0, 1.0]), atol=1e-6)
    save(rotated(mesh, rotation), tmp_path / "a.glb")
    found = read(tmp_path / "a.glb", replace(AS_IS, pose="input"))
    assert torch.allclose(positions(found), mesh.vertices, atol=1e-5)


def test_a_folder_needs_one_file_for_an_object(mesh: Mesh, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=f"has no asset of the 40 objects.*{ENTRY.key}.glb"):
        find_assets(tmp_path, ENTRIES)
    for name in (f"{ENTRY.key}.glb", f"{ENTRY.key}.png", "another.glb"):
        (tmp_path / name).touch()
    assert find_assets(tmp_path, ENTRIES) == {ENTRY.key: tmp_path / f"{ENTRY.key}.glb"}
    (tmp_path / f"{ENTRY.key}.ply").touch()
    with pytest.raises(ConfigError, match="Keep one file for each object"):
        find_assets(tmp_path, ENTRIES)
    with pytest.raises(ConfigError, match="cannot be read"):
        find_assets(tmp_path / "missing", ENTRIES)


def test_runs_and_assets_are_not_scored_together(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="--assets takes no runs"):
        EvalSettings(ablations=True, assets=AssetSettings(tmp_path))


def test_the_scores_of_written_results_are_those_of_the_run(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    settings = EvalSettings(tmp_path / "scores", quick=True, objects=1, views=2, steps=4)
    list(evaluate(settings))
    run = read_result(settings.output / ENTRY.key / "default.json")
    result = image_to_3d(settings.output / ENTRY.key / "input.webp", from_json(run.identity["config"]))
    for method, asset, ending, tolerance_db in (
        ("Gaussians", result.gaussians, ".ply", 1e-6),
        ("Mesh", result.mesh, ".glb", 0.02),  # its texture has 8 bits in the file
    ):
        folder = tmp_path / method
        folder.mkdir()
        save(asset, folder / f"{ENTRY.key}{ending}")
        *_, last = evaluate(replace(settings, objects=2, assets=replace(AS_IS, folder=folder)))
        scores = read_result(settings.output / ENTRY.key / "assets.json").methods
        assert list(scores) == [method]
        for size, view in run.methods[method].views.items():
            assert scores[method].views[size].psnr == pytest.approx(view.psnr, abs=tolerance_db)
            assert scores[method].views[size].iou == view.iou
        assert f"1 of 2 objects have no asset and no score: {ENTRIES[1].key}" in caplog.text
        assert last.report is not None
        assert f"| {ENTRY.name} | assets | {method} |" in last.report.with_suffix(".md").read_text()
    assert scores["Mesh"].shape == run.methods["Mesh"].shape
