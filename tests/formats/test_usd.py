import zipfile
from pathlib import Path

import pytest
import torch
from pxr import Gf, Sdf, Usd, UsdGeom, UsdShade, UsdValidation, Vt

from dreamgaussian.core.errors import BackendUnavailable, InputError
from dreamgaussian.core.mesh import Mesh
from dreamgaussian.formats import load_mesh, save
from dreamgaussian.formats.libraries import OptionalLibrary
from dreamgaussian.formats.registry import format_for
from formats.subjects import bumpy, textured
from meshing.shapes import sphere

MESHES = {"plain": sphere(0.5, 2), "textured": textured(), "bumpy": bumpy()}


@pytest.fixture(params=list(MESHES))
def saved(request: pytest.FixtureRequest, tmp_path: Path) -> tuple[Mesh, Path]:
    mesh = MESHES[request.param]
    save(mesh, tmp_path / "a.usdz")
    return mesh, tmp_path / "a.usdz"


def test_all_of_usd_cores_validators_find_nothing(saved: tuple[Mesh, Path]):
    validators = UsdValidation.ValidationRegistry().GetOrLoadAllValidators()
    assert len(validators) > 20
    errors = UsdValidation.ValidationContext(validators).Validate(Usd.Stage.Open(str(saved[1])))
    assert [f"{error.GetName()}: {error.GetMessage()}" for error in errors] == []


def test_the_package_is_as_arkit_wants_it(saved: tuple[Mesh, Path]):
    mesh, path = saved
    with zipfile.ZipFile(path) as package:
        entries = package.infolist()
        for entry in entries:
            package.fp.seek(entry.header_offset + 26)
            name, extra = (int.from_bytes(package.fp.read(2), "little") for _ in range(2))
            assert (entry.header_offset + 30 + name + extra) % 64 == 0, entry.filename
            assert entry.compress_type == zipfile.ZIP_STORED
    images = {"albedo.png": mesh.albedo, "normals.png": mesh.normal_map}
    assert [each.filename for each in entries] == ["mesh.usdc", *(k for k, v in images.items() if v is not None)]
    stage = Usd.Stage.Open(str(path))
    assert UsdGeom.GetStageUpAxis(stage) == "Y"
    assert UsdGeom.GetStageMetersPerUnit(stage) == 1
    assert str(stage.GetDefaultPrim().GetPath()) == "/object"
    textures = [UsdShade.Shader(prim) for prim in stage.Traverse() if prim.IsA(UsdShade.Shader)]
    files = [shader.GetInput("file").Get().path for shader in textures if shader.GetInput("file")]
    assert sorted(files) == sorted(each.filename for each in entries[1:])


def test_a_reread_mesh_is_the_same(saved: tuple[Mesh, Path]):
    mesh, path = saved
    again = load_mesh(path)
    assert torch.equal(again.vertices, mesh.vertices)
    assert torch.equal(again.faces, mesh.faces)
    if mesh.albedo is not None:
        torch.testing.assert_close(again.uvs, mesh.uvs, atol=1e-7, rtol=0)
        torch.testing.assert_close(again.albedo, mesh.albedo, atol=0.5 / 255 + 1e-6, rtol=0)


def test_the_same_mesh_gives_the_same_bytes(tmp_path: Path):
    save(textured(), tmp_path / "a.usdz")
    save(textured(), tmp_path / "b.usdz")
    assert (tmp_path / "a.usdz").read_bytes() == (tmp_path / "b.usdz").read_bytes()


def test_other_peoples_polygons_frames_and_coordinates_are_read(tmp_path: Path):
    """A square of 200 centimetres, z up, moved, with a texture coordinate for each corner."""
    stage = Usd.Stage.CreateNew(str(tmp_path / "square.usdc"))
    UsdGeom.SetStageUpAxis(stage, "Z")
    UsdGeom.SetStageMetersPerUnit(stage, 0.01)
    square = UsdGeom.Mesh.Define(stage, "/square")
    square.CreatePointsAttr(Vt.Vec3fArray([(0, 0, 0), (200, 0, 0), (200, 0, 200), (0, 0, 200)]))
    square.CreateFaceVertexCountsAttr([4])
    square.CreateFaceVertexIndicesAttr([0, 1, 2, 3])
    square.AddTranslateOp().Set(Gf.Vec3d(0, 100, 0))
    uvs = UsdGeom.PrimvarsAPI(square).CreatePrimvar("st", Sdf.ValueTypeNames.TexCoord2fArray, "faceVarying")
    uvs.Set(Vt.Vec2fArray([(0, 0), (1, 0), (1, 1), (0, 1)]))
    stage.GetRootLayer().Save()
    with Sdf.ZipFileWriter.CreateNew(str(tmp_path / "square.usdz")) as package:
        package.AddFile(str(tmp_path / "square.usdc"), "square.usdc")
    mesh = load_mesh(tmp_path / "square.usdz")
    corners = torch.tensor([[0, 0, -1], [2, 0, -1], [2, 2, -1], [0, 2, -1]], dtype=torch.float32)
    torch.testing.assert_close(mesh.vertices, corners)
    assert mesh.faces.tolist() == [[0, 1, 2], [0, 2, 3]]


@pytest.mark.parametrize("content", [b"", b"PK", b"PK\3\4" + bytes(200), b"glTF"])
def test_what_is_no_package_is_refused_in_one_line(tmp_path: Path, content: bytes):
    (tmp_path / "a.usdz").write_bytes(content)
    with pytest.raises(InputError, match=r"a\.usdz cannot be read as \.usdz \(") as caught:
        load_mesh(tmp_path / "a.usdz")
    assert "\n" not in str(caught.value)


def test_a_package_that_is_cut_short_is_refused(tmp_path: Path):
    save(textured(), tmp_path / "a.usdz")
    content = (tmp_path / "a.usdz").read_bytes()
    for share in (0.1, 0.5, 0.9, 0.99):
        (tmp_path / "a.usdz").write_bytes(content[: int(share * len(content))])
        with pytest.raises(InputError, match=r"a\.usdz"):
            load_mesh(tmp_path / "a.usdz")


def test_the_format_says_which_extra_it_needs():
    assert [library.package for library in format_for(Path("a.usdz"), "mesh").needs] == ["usd-core"]
    with pytest.raises(BackendUnavailable, match=r"\.usdz needs the package usd-core, .*\. Run: pip install"):
        OptionalLibrary("no_such_module", "usd-core").require(".usdz")
