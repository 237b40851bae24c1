"""The house keeps its order: imports point one way, names are unique, and importing loads nothing heavy."""

import ast
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from docs.house import LAYERS, OUTPUT, SOURCE, Module, arrows, modules, svg

BLIND = {"guidance": "core.gaussians", "priors": "core.gaussians", "raster": "guidance"}
"""What a part never sees: a prior knows no Gaussians, and a rasteriser no prior."""
HEAVY = {"torch", "numpy", "scipy", "PIL", "onnxruntime", "trimesh", "skimage", "imageio_ffmpeg", "jaxtyping"}
LIGHT = ("settings.py", "axes.py", "spec.py", "registry.py", "config.py", "errors.py")
MAX_LINES = 20_000
"""Of the wheel's Python; it is to become less, and must not become more."""
SHARED_NAMES = {"__init__.py", "__main__.py", "settings.py", "registry.py", "mesh.py", "prior.py"}
"""Names of files that say what they are about in several parts: a stage's settings, a seam's registry, a command."""

MODULES = modules()
INSIDE = [name for name in MODULES if name not in ("__init__.py", "__main__.py")]
"""All but the public names, which are loaded lazily from everywhere, and the command line's door."""


def row_of(part: str) -> int:
    (row,) = [row for row, parts in enumerate(LAYERS) if part in parts]
    return row


def test_every_part_has_its_row() -> None:
    assert {MODULES[name].part for name in INSIDE} - {"weights"} <= set.union(*LAYERS)
    assert len(LAYERS) <= 9


def check_direction(name: str, module: Module) -> None:
    known = set.union(*LAYERS)
    for other in module.imports:
        part = other.split(".")[0]
        if part in known - {module.part}:
            assert row_of(part) < row_of(module.part), f"{name} may not import {other}"
        forbidden = BLIND.get(module.part)
        assert forbidden is None or not f"{other}.".startswith(f"{forbidden}."), f"{name} may not import {other}"


@pytest.mark.parametrize("name", INSIDE)
def test_imports_point_one_way(name: str) -> None:
    check_direction(name, MODULES[name])


def test_the_package_does_not_know_the_factory() -> None:
    for path in SOURCE.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            names = [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            names += [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            assert not any(name.split(".")[0] in ("factory", "tests", "benchmarks") for name in names), path


def test_five_files_at_the_root() -> None:
    assert len(list(SOURCE.glob("*.py"))) == 5


def test_the_wheel_stays_small() -> None:
    assert sum(module.lines for module in MODULES.values()) <= MAX_LINES


def test_no_two_classes_and_no_two_files_share_a_name() -> None:
    trees = {path: ast.parse(path.read_text()) for path in SOURCE.rglob("*.py")}
    classes = Counter(n.name for tree in trees.values() for n in ast.walk(tree) if isinstance(n, ast.ClassDef))
    assert [name for name, count in classes.items() if count > 1] == []
    files = Counter(path.name for path in trees)
    shared = {name for name, count in files.items() if count > 1}
    assert shared <= SHARED_NAMES, "two files of one name are hard to tell apart in an editor"


def test_the_pages_picture_is_that_of_the_code() -> None:
    assert OUTPUT.read_text(encoding="utf-8") == svg(MODULES), "run: python docs/house.py"
    assert arrows(MODULES)["core"] == set()


def loaded_by(statement: str) -> set[str]:
    """The top-level modules that a fresh interpreter has loaded after a statement."""
    program = f"import sys; {statement}; print(*{{name.split('.')[0] for name in sys.modules}})"
    return set(
        subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, text=True).stdout.split()
    )


def test_importing_the_package_loads_nothing_heavy() -> None:
    assert not loaded_by("import dreamgaussian") & HEAVY


def test_importing_settings_loads_nothing_heavy() -> None:
    names = [Path(name).with_suffix("").parts for name in MODULES if name.split("/")[-1] in LIGHT]
    assert len(names) > 5
    assert not loaded_by("import " + ", ".join(".".join(("dreamgaussian", *name)) for name in names)) & HEAVY


def test_importing_the_command_line_loads_no_torch() -> None:
    assert not loaded_by("import dreamgaussian.cli.main") & {"torch", "onnxruntime", "scipy", "trimesh"}


def test_the_direction_is_checked_and_not_only_declared(tmp_path: Path) -> None:
    (tmp_path / "guidance").mkdir()
    (tmp_path / "guidance" / "bad.py").write_text("def f():\n    from dreamgaussian.core.gaussians import Gaussians\n")
    (bad,) = modules(tmp_path).values()
    assert (bad.part, bad.imports) == ("guidance", {"core.gaussians.Gaussians"})
    with pytest.raises(AssertionError, match="may not import"):
        check_direction("bad.py", bad)
    with pytest.raises(AssertionError, match="may not import"):
        check_direction("bad.py", Module("guidance", 1, frozenset({"pipeline.generate"})))
