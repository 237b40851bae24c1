"""Imports point one way, and importing the package or its settings loads nothing heavy."""

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

SOURCE = Path(__file__).parents[1] / "src" / "dreamgaussian"
LAYERS = [
    {"dreamgaussian", "core", "weights"},
    {"inputs", "raster", "guidance"},
    {"priors", "fitting", "meshing", "formats"},
    {"texture", "text_to_image"},
    {"config"},
    {"pipeline"},
    {"runs"},
    {"api", "evaluate", "studio"},
    {"cli"},
]
"""A part may import parts of earlier rows, and nothing of its own row but itself."""
BLIND = {("guidance", "core.gaussians"), ("priors", "core.gaussians")}
"""A prior never sees Gaussians."""
HEAVY = {"torch", "numpy", "scipy", "PIL", "onnxruntime", "trimesh", "skimage", "imageio_ffmpeg", "jaxtyping"}

MODULES = sorted(SOURCE.rglob("*.py"))
LIGHT = ["settings.py", "axes.py", "choice.py", "config.py", "errors.py"]


def part_of(path: Path) -> str:
    """The first part of a module's name below the package."""
    return path.relative_to(SOURCE).parts[0].removesuffix(".py")


def run_time_nodes(node: ast.AST) -> Iterator[ast.AST]:
    """All nodes but those that only the type checker sees."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.If) and ast.unparse(child.test) == "TYPE_CHECKING":
            continue
        yield child
        yield from run_time_nodes(child)


def imported_parts(path: Path) -> set[str]:
    parts: set[str] = set()
    for node in run_time_nodes(ast.parse(path.read_text())):
        names: list[str] = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path} has a relative import"
            names = [f"{node.module}.{alias.name}" for alias in node.names]
        for name in names:
            package, *rest = name.split(".")
            if package == "dreamgaussian":
                known = {part_of(module) for module in MODULES}
                parts.add(rest[0] if rest and rest[0] in known else "dreamgaussian")
    return parts


def layer_of(part: str) -> int:
    (layer,) = [i for i, layer in enumerate(LAYERS) if part in layer]
    return layer


def test_every_part_has_its_layer() -> None:
    parts = {part_of(path) for path in MODULES} - {"__init__", "__main__"}
    assert parts <= set.union(*LAYERS), "a new part of the package must be given a layer in LAYERS"


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(SOURCE)))
def test_imports_point_one_way(path: Path) -> None:
    part = part_of(path)
    if part in ("__init__", "__main__"):
        return  # the public names are loaded lazily, from everywhere
    for other in imported_parts(path) - {part}:
        assert layer_of(other) < layer_of(part), f"{part} may not import {other}"
        assert (part, other) not in BLIND, f"{part} may not import {other}"


def loaded_by(statement: str) -> set[str]:
    """The top-level modules that a fresh interpreter has loaded after a statement."""
    program = f"import sys; {statement}; print(*{{name.split('.')[0] for name in sys.modules}})"
    return set(
        subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, text=True).stdout.split()
    )


def test_importing_the_package_loads_nothing_heavy() -> None:
    assert not loaded_by("import dreamgaussian") & HEAVY


def test_importing_settings_loads_nothing_heavy() -> None:
    names = [path.relative_to(SOURCE.parent).with_suffix("") for path in MODULES if path.name in LIGHT]
    assert len(names) > 5
    assert not loaded_by("import " + ", ".join(".".join(name.parts) for name in names)) & HEAVY


def test_importing_the_command_line_loads_no_torch() -> None:
    assert not loaded_by("import dreamgaussian.cli.main") & {"torch", "onnxruntime", "scipy", "trimesh"}


def test_the_direction_is_checked_and_not_only_declared(tmp_path: Path) -> None:
    bad = tmp_path / "bad.py"
    bad.write_text("def f():\n    from dreamgaussian.pipeline import generate\n")
    assert imported_parts(bad) == {"pipeline"}
    assert layer_of("pipeline") > layer_of("guidance")
