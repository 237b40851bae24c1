"""Draws the package's parts and who imports whom, from the imports themselves.

    python docs/house.py            # writes docs/house.svg
    python docs/house.py --check    # exit code 1 where the picture is not that of the code

Rows are those of `tests/test_imports.py`, the lowest at the bottom: a part imports parts below it alone. An arrow
leads from a part to one that it imports; one that a longer way along other arrows says as well is left out.
"""

import ast
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[1]
SOURCE = ROOT / "src" / "dreamgaussian"
OUTPUT = Path(__file__).with_name("house.svg")
LAYERS: list[set[str]] = [
    {"core"},
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

WIDTH, ROW, BOX_WIDTH, BOX_HEIGHT = 860, 84, 150, 44
"""Of the picture, from row to row, of a part; in pixels."""
STYLE = (
    "text{font-family:ui-sans-serif,system-ui,sans-serif;font-size:14px;fill:#1f2933;text-anchor:middle}"
    ".lines{font-size:11px;fill:#6b7785}rect{fill:#f4f6f8;stroke:#9aa5b1}path{fill:none;stroke:#7b8794;stroke-width:1.2}"
)


@dataclass(frozen=True)
class Module:
    """A Python file of the package."""

    part: str
    """Its folder below the package, or its own name at the root."""
    lines: int
    imports: frozenset[str]
    """Dotted names below `dreamgaussian` that it imports at run time."""


def modules(source: Path = SOURCE) -> dict[str, Module]:
    """All modules by their path below `source`."""
    found: dict[str, Module] = {}
    for path in sorted(source.rglob("*.py")):
        name = path.relative_to(source)
        text = path.read_text(encoding="utf-8")
        found[name.as_posix()] = Module(
            name.parts[0].removesuffix(".py"), len(text.splitlines()), frozenset(imported(text))
        )
    return found


def imported(text: str) -> Iterator[str]:
    """Dotted names below `dreamgaussian` that a module's text imports, those for the type checker alone left out."""
    for node in run_time_nodes(ast.parse(text)):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            names = [f"{node.module}.{alias.name}" for alias in node.names]
        else:
            continue
        for name in names:
            package, _, below = name.partition(".")
            if package == "dreamgaussian":
                yield below


def run_time_nodes(node: ast.AST) -> Iterator[ast.AST]:
    """All nodes but those that only the type checker sees."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.If) and ast.unparse(child.test) == "TYPE_CHECKING":
            continue
        yield child
        yield from run_time_nodes(child)


def arrows(found: dict[str, Module]) -> dict[str, set[str]]:
    """The parts that each part imports."""
    parts = {module.part for module in found.values()}
    drawn: dict[str, set[str]] = {part: set() for part in set.union(*LAYERS) if part in parts}
    for module in found.values():
        if module.part in drawn:
            drawn[module.part] |= {name.split(".")[0] for name in module.imports} & drawn.keys() - {module.part}
    return drawn


def shortest(drawn: dict[str, set[str]]) -> dict[str, set[str]]:
    """The arrows without those that a longer way says as well (the transitive reduction)."""

    def reach(part: str) -> set[str]:
        return drawn[part].union(*(reach(other) for other in drawn[part]))

    return {part: {o for o in others if all(o not in reach(p) for p in others)} for part, others in drawn.items()}


def svg(found: dict[str, Module]) -> str:
    """The picture."""
    lines: dict[str, int] = {}
    for module in found.values():
        lines[module.part] = lines.get(module.part, 0) + module.lines
    drawn = arrows(found)
    place: dict[str, tuple[float, float]] = {}
    for row, layer in enumerate(LAYERS):
        parts = sorted(layer & drawn.keys())
        for column, part in enumerate(parts):
            place[part] = (WIDTH * (column + 1) / (len(parts) + 1), ROW * (len(LAYERS) - row) - ROW / 2)
    height = ROW * len(LAYERS)
    shapes: list[str] = []
    for part, others in sorted(shortest(drawn).items()):
        for other in sorted(others):
            (x, y), (to_x, to_y) = place[part], place[other]
            y, to_y = y + BOX_HEIGHT / 2, to_y - BOX_HEIGHT / 2
            bend = (y + to_y) / 2
            shapes.append(
                f'<path marker-end="url(#tip)" d="M{x:.0f} {y:.0f}C{x:.0f} {bend:.0f} {to_x:.0f} {bend:.0f} '
                f'{to_x:.0f} {to_y:.0f}"><title>{part} imports {other}</title></path>'
            )
    for part, (x, y) in sorted(place.items()):
        shapes.append(
            f'<rect x="{x - BOX_WIDTH / 2:.0f}" y="{y - BOX_HEIGHT / 2:.0f}" width="{BOX_WIDTH}" height="{BOX_HEIGHT}" '
            f'rx="6"/><text x="{x:.0f}" y="{y - 2:.0f}">{part}</text>'
            f'<text class="lines" x="{x:.0f}" y="{y + 14:.0f}">{_rounded(lines[part])} lines</text>'
        )
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" width="{WIDTH}" height="{height}">'
        f"<title>The parts of the package, and what each imports</title><style>{STYLE}</style>"
        '<rect width="100%" height="100%" style="fill:#fff;stroke:none"/>'
        '<defs><marker id="tip" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" markerHeight="7" orient="auto">'
        '<path d="M0 0L8 4L0 8z" style="fill:#7b8794;stroke:none"/></marker></defs>'
        + "\n"
        + "\n".join(shapes)
        + "\n</svg>\n"
    )


def _rounded(count: int) -> int:
    """To hundreds, so that the picture changes with the structure and not with every line."""
    return max(100, round(count / 100) * 100)


def main(arguments: list[str]) -> int:
    """Write or check the picture."""
    picture = svg(modules())
    if arguments == ["--check"]:
        return 0 if OUTPUT.exists() and OUTPUT.read_text(encoding="utf-8") == picture else 1
    OUTPUT.write_text(picture, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
