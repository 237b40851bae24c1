"""A format of somebody else's is found everywhere, and the docs name every format that there is."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from dreamgaussian.core.errors import ConfigError, InputError
from dreamgaussian.core.mesh import Mesh
from dreamgaussian.formats import check_files, load, save
from dreamgaussian.formats.registry import Kind, endings
from dreamgaussian.formats.settings import ExportSettings
from meshing.shapes import box

DOCS = Path(__file__).parents[2] / "docs" / "formats.md"
USE = """
import sys
import types
from pathlib import Path
import torch
import dreamgaussian as dg
from dreamgaussian.core.gaussians import Gaussians
from dreamgaussian.cli import main
from dreamgaussian.formats import Format, check_files, register
from dreamgaussian.formats.settings import ExportSettings
from dreamgaussian.studio.server.web_api import exports

folder = Path(sys.argv[1])
mesh = dg.load(folder / "box.glb")
dg.save(mesh, folder / "box.tri")
assert len(dg.load(folder / "box.tri").faces) == len(mesh.faces)
assert main.run(["convert", str(folder / "box.tri"), str(folder / "again.stl")]) == 0
assert len(dg.load(folder / "again.stl").faces) == len(mesh.faces)
check_files(ExportSettings(("mesh.tri",)))
assert "mesh.tri" in exports()["mesh.glb"] and "gaussians.tri" not in exports()["gaussians.ply"]
register(Format(".tri2", "mesh", "triangles", "Another, registered by hand."))
dg.convert(folder / "box.tri", folder / "box.tri2")
assert (folder / "box.tri").read_bytes() == (folder / "box.tri2").read_bytes()

# Another format of Gaussians that ends in .ply: files that it holds are its own, all others are read as before.
packed = types.ModuleType("packed")
packed.holds = lambda path: b"element chunk" in path.read_bytes()
packed.read = lambda path: Gaussians.in_ball(7, 0.5, torch.Generator())
sys.modules["packed"] = packed
register(Format(".ply", "Gaussians", "packed", "Compressed Gaussians."))
header = ["ply", "format ascii 1.0", "element chunk 1", "property float min_x", "end_header", "0", ""]
(folder / "packed.ply").write_text("\\n".join(header))
dg.save(dg.load(folder / "packed.ply"), folder / "plain.ply")
assert len(dg.load(folder / "plain.ply")) == 7
assert len(exports()["gaussians.ply"]) == len(set(exports()["gaussians.ply"]))
dg.save(mesh, folder / "mesh.ply")
assert len(dg.load(folder / "mesh.ply").faces) == len(mesh.faces)

(folder / "box.tri").write_text("1 2 three")
assert main.run(["convert", str(folder / "box.tri"), str(folder / "no.stl")]) == 2
for command in ("convert", "mesh", "texture"):
    try:
        main.run([command, "--help"])
    except SystemExit:
        pass
"""


def example() -> str:
    """The format that the docs write as an example."""
    text = DOCS.read_text(encoding="utf-8")
    return text[text.index("## Formats of your own") :].split("```")[1].removeprefix("python\n")


def installed(folder: Path, name: str, entry_point: str) -> None:
    """What pip leaves of a package that names an entry point."""
    info = folder / f"{name}-1.0.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(f"[dreamgaussian.formats]\n{name} = {entry_point}\n")


def test_a_package_adds_a_format_in_one_file(tmp_path: Path) -> None:
    site = tmp_path / "site"
    installed(site, "tri", "triangles:FORMAT")
    installed(site, "broken", "no_such_module:FORMAT")
    installed(site, "wrong", "triangles:read")
    (site / "triangles.py").write_text(example())
    save(box((1, 1, 1)), tmp_path / "box.glb")
    paths = os.pathsep.join([str(site), *filter(None, sys.path)])
    done = subprocess.run(
        [sys.executable, "-c", USE, str(tmp_path)],
        env={**os.environ, "PYTHONPATH": paths, "COLUMNS": "200"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert ".tri (mesh): Corners of triangles, one triangle a line." in done.stdout
    assert done.stdout.count(".usdz or .tri") == 3  # mesh --output, texture MESH and --output
    assert "The format broken (no_such_module:FORMAT) cannot be loaded: No module named 'no_such_module'" in done.stderr
    assert "The format wrong (triangles:read) is no record of a format. It is left out." in done.stderr
    assert (
        "box.tri cannot be read as .tri (could not convert string to float: 'three'). Export it again." in done.stderr
    )


@pytest.mark.parametrize(
    ("title", "kind"), [("Gaussians: what survives", "Gaussians"), ("Meshes: what survives", "mesh")]
)
def test_the_docs_name_every_format(title: str, kind: Kind) -> None:
    text = DOCS.read_text(encoding="utf-8")
    header = text[text.index(f"## {title}") :].split("\n")[2]
    assert set(re.findall(r"`(\.\w+)`", header)) == set(endings(kind))


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("mesh.docx", r"mesh\.docx ends in '\.docx'\. A mesh can be written as"),
        ("gaussians.stl", r"gaussians\.stl ends in '\.stl'\. Gaussians can be written as"),
        ("scene.glb", r"export\.files names 'scene\.glb'\. Give gaussians with one of \.ply, "),
        ("sub/mesh.glb", r"export\.files names 'sub/mesh\.glb'"),
        ("turntable.avi", r"or one of turntable\.mp4, turntable\.webp, turntable\.gif\."),
    ],
)
def test_files_that_a_run_cannot_write_are_refused_before_it(name: str, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        check_files(ExportSettings((name,)))


def test_what_a_reader_returns_is_checked(tmp_path: Path) -> None:
    path = tmp_path / "a.stl"
    save(Mesh(torch.eye(3), torch.tensor([[0, 1, 2]])), path)
    content = bytearray(path.read_bytes())
    content[84 + 12 : 84 + 16] = b"\0\0\xc0\x7f"  # not a number, as the first corner's x
    path.write_bytes(content)
    with pytest.raises(InputError, match=r"a\.stl has 1 values of its vertices that are not finite"):
        load(path)
