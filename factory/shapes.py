"""Training objects from nothing: turned solids, bent tubes, and towers and stools of simple parts, in random patterns.

All parts are grids of points, rolled up: rows along the part, columns round it.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float32, Float64
from scipy.interpolate import PchipInterpolator
from scipy.ndimage import gaussian_filter

from dreamgaussian.evaluate.text.color_names import PALETTE
from factory.items import Item
from factory.objects import TEXTURE_SIDE, Material, Model, merge

LIBRARY = "Shapes"
COUNT = 150
ROWS, COLUMNS = 48, 40
Grid = Float64[np.ndarray, "n m 3"]
Random = np.random.Generator


@dataclass(frozen=True)
class Shape(Item):
    """A shape of a kind, drawn by its number."""

    kind: str
    pattern: str
    number: int

    @property
    def weight(self) -> float:
        """A tenth of all draws together, beside furniture and emoji."""
        return 0.62

    def load(self, texture_side: int = TEXTURE_SIDE) -> Model:
        """The shape with its pattern: one for each of its parts."""
        rng = np.random.default_rng(self.number)
        grids = KINDS[self.kind](rng)
        textures = [paint(self.pattern, texture_side, rng) for _ in range(min(len(grids), 3))]
        return merge([roll_up(grid, textures[i % len(textures)]) for i, grid in enumerate(grids)])


def draw_shapes() -> list[Shape]:
    """All kinds in turn, each with a pattern; always the same."""
    rng = np.random.default_rng(0)
    shapes: list[Shape] = []
    for number in range(COUNT):
        kind, pattern = sorted(KINDS)[number % len(KINDS)], str(rng.choice(PATTERNS))
        name = patterned(pattern, kind)
        key = f"{LIBRARY}-{number:03d}"
        shapes.append(
            Shape(key, name, "Shapes", "DreamGaussian", "MIT", LIBRARY, (kind, pattern), kind, pattern, number)
        )
    return shapes


def patterned(pattern: str, name: str) -> str:
    """What to call a thing with a pattern."""
    return name if pattern == "plain" else f"{pattern} {name}"


def revolve(profile: Float64[np.ndarray, "n 2"], sides: int = COLUMNS) -> Grid:
    """Radii and heights, turned round the y axis; few sides make prisms."""
    angles = np.linspace(0, 2 * np.pi, sides + 1) + np.pi / 4
    radii, heights = profile[:, :1], np.repeat(profile[:, 1:], sides + 1, axis=1)
    return np.stack([radii * np.sin(angles), heights, radii * np.cos(angles)], axis=-1)


def sweep(path: Float64[np.ndarray, "n 3"], radii: Float64[np.ndarray, " n"]) -> Grid:
    """A tube round a path, its section turning as little as it can."""
    tangents = np.gradient(path, axis=0)
    tangents /= np.linalg.norm(tangents, axis=1, keepdims=True)
    normals = np.empty_like(path)
    normal = np.eye(3)[np.abs(tangents[0]).argmin()]
    for i, tangent in enumerate(tangents):
        normal = normal - (normal @ tangent) * tangent
        normal /= np.linalg.norm(normal)
        normals[i] = normal
    angles = np.linspace(0, 2 * np.pi, COLUMNS + 1)[:, None]
    rings = np.cos(angles) * normals[:, None] + np.sin(angles) * np.cross(tangents, normals)[:, None]
    return path[:, None] + radii[:, None, None] * rings


def roll_up(grid: Grid, texture: Float32[np.ndarray, "s s 4"]) -> Model:
    """A part with its texture: u round it, v along it."""
    n, m = grid.shape[:2]
    index = np.arange(n * m).reshape(n, m)
    a, b, c, d = index[:-1, :-1], index[:-1, 1:], index[1:, :-1], index[1:, 1:]
    faces = np.concatenate([np.stack([a, b, c], axis=-1), np.stack([c, b, d], axis=-1)]).reshape(-1, 3)
    v, u = np.meshgrid(np.linspace(0.001, 0.999, n), np.linspace(0, 1, m), indexing="ij")
    return Model(
        vertices=grid.reshape(-1, 3),
        faces=faces,
        uvs=np.stack([u, v], axis=-1).reshape(-1, 2),
        face_materials=np.zeros(len(faces), dtype=np.int64),
        materials=(Material(np.ones(3, dtype=np.float32), texture),),
        texture_hashes=(),
    )


def _solid(kind: str, radius: float, low: float, high: float) -> Grid:
    """A simple part between two heights."""
    t = np.linspace(0, 1, ROWS)
    if kind == "ball":
        radii, heights = np.sin(np.pi * t), (1 - np.cos(np.pi * t)) / 2
    else:
        end = {"cone": 0.0, "pyramid": 0.0}.get(kind, 1.0)
        radii, heights = np.array([0, 1, 1 + (end - 1) / 2, end, 0]), np.array([0, 0, 0.5, 1, 1])
    sides = {"block": 4, "pyramid": 4, "hexagon": 6}.get(kind, COLUMNS)
    return revolve(np.stack([radius * radii, low + (high - low) * heights], axis=1), sides)


def _turned(rng: Random, radii: list[float], height: float, *, hollow: bool) -> list[Grid]:
    """A smooth profile through radii a little off those given, from the bottom up, and down again if hollow."""
    drawn = np.array(radii) * rng.uniform(0.75, 1.3, size=len(radii))
    t = np.linspace(0, 1, ROWS)
    outside = np.stack([PchipInterpolator(np.linspace(0, 1, len(radii)), drawn)(t), height * t], axis=1)
    bottom, top = np.array([[0.0, 0.0]]), np.array([[0.0, height]])
    if not hollow:
        return [revolve(np.concatenate([bottom, outside, top]))]
    inside = outside[:2:-1] - [0.06, 0.0]
    inside[:, 0] = np.maximum(inside[:, 0], 0)
    return [revolve(np.concatenate([bottom, outside, inside, [[0.0, inside[-1, 1]]]]))]


def _ring(rng: Random) -> list[Grid]:
    angles = np.linspace(0, 2 * np.pi, 2 * ROWS)
    path = np.stack([np.cos(angles), np.sin(angles), np.zeros_like(angles)], axis=1)
    return [sweep(path, np.full(len(path), rng.uniform(0.15, 0.45)))]


def _arch(rng: Random) -> list[Grid]:
    angles = np.linspace(0, np.pi, ROWS)
    path = np.stack([np.cos(angles), rng.uniform(0.8, 1.8) * np.sin(angles), np.zeros_like(angles)], axis=1)
    return [sweep(path, closed_ends(np.full(ROWS, rng.uniform(0.12, 0.3))))]


def _spring(rng: Random) -> list[Grid]:
    turns, radius = rng.uniform(2, 4), rng.uniform(0.08, 0.16)
    angles = np.linspace(0, 2 * np.pi * turns, 4 * ROWS)
    path = np.stack([np.cos(angles), 3 * radius / (2 * np.pi) * angles, np.sin(angles)], axis=1)
    return [sweep(path, closed_ends(np.full(len(path), radius)))]


def _worm(rng: Random) -> list[Grid]:
    knots = np.cumsum(rng.normal((0.0, 0.8, 0.0), 1.0, (6, 3)), axis=0)
    path = PchipInterpolator(np.linspace(0, 1, 6), knots)(np.linspace(0, 1, 2 * ROWS))
    return [sweep(path, closed_ends(rng.uniform(0.25, 0.5) * (1 - 0.6 * np.linspace(0, 1, 2 * ROWS))))]


def closed_ends(radii: np.ndarray) -> np.ndarray:
    """Radii that shrink to nothing at both ends, round as a ball."""
    t = np.linspace(-1, 1, len(radii))
    return radii * np.sqrt(np.clip(1 - np.abs(t) ** 12, 0, 1))


def _tower(rng: Random) -> list[Grid]:
    grids: list[Grid] = []
    low = 0.0
    for kind in rng.choice(["block", "cylinder", "ball", "cone", "hexagon", "pyramid"], size=rng.integers(2, 5)):
        radius = rng.uniform(0.4, 1.0)
        high = low + (2 * radius if kind == "ball" else rng.uniform(0.4, 1.4))
        grids.append(_solid(str(kind), radius, low, high))
        low = high - 0.1
    return grids


def _stool(rng: Random) -> list[Grid]:
    seat, legs, height = str(rng.choice(["block", "cylinder"])), int(rng.integers(3, 5)), rng.uniform(0.8, 2.0)
    reach, thick = rng.uniform(0.5, 0.7), rng.uniform(0.06, 0.14)
    grids = [_solid(seat, 1.0, height, height + rng.uniform(0.1, 0.4))]
    for angle in (np.arange(legs) + 0.5) * 2 * np.pi / legs:
        leg = _solid("block", thick, 0.0, height + 0.05)
        grids.append(leg + reach * np.array([np.sin(angle), 0, np.cos(angle)]))
    return grids


KINDS: dict[str, Callable[[Random], list[Grid]]] = {
    "vase": lambda rng: _turned(rng, [0.45, 0.8, 0.75, 0.35, 0.5], 2.2, hollow=True),
    "bowl": lambda rng: _turned(rng, [0.4, 0.9, 1.1], 0.8, hollow=True),
    "bottle": lambda rng: _turned(rng, [0.5, 0.55, 0.5, 0.18, 0.17], 2.2, hollow=False),
    "pillar": lambda rng: _turned(rng, [0.5, 0.35, 0.3, 0.35, 0.5], 2.6, hollow=False),
    "ring": _ring,
    "arch": _arch,
    "spring": _spring,
    "worm": _worm,
    "tower": _tower,
    "stool": _stool,
}
PATTERNS = ("plain", "striped", "ringed", "checked", "dotted", "marbled")


def paint(pattern: str, side: int, rng: Random) -> Float32[np.ndarray, "s s 4"]:
    """A pattern of two or three colours that closes round the part, a little uneven."""
    chosen = rng.choice(sorted(PALETTE), size=3, replace=False)
    first, second, third = (np.array(tuple(bytes.fromhex(str(rng.choice(PALETTE[name]))))) / 255 for name in chosen)
    v, u = np.meshgrid(np.arange(side) / side, np.arange(side) / side, indexing="ij")
    repeats, share = int(rng.integers(2, 7)), rng.uniform(0.3, 0.7)
    noise = gaussian_filter(rng.normal(size=(side, side)), side / 16, mode="wrap")
    mask = {
        "plain": np.zeros_like(u, dtype=bool),
        "striped": (u * repeats) % 1 < share,
        "ringed": (v * repeats) % 1 < share,
        "checked": (((u * 2 * repeats) // 1 + (v * 2 * repeats) // 1) % 2).astype(bool),
        "dotted": np.hypot((u * repeats) % 1 - 0.5, (v * repeats) % 1 - 0.5) < share / 2,
        "marbled": noise > np.quantile(noise, share),
    }[pattern]
    rgb = np.where(mask[..., None], second, first)
    if rng.uniform() < 0.3 and pattern != "plain":
        rgb = np.where((v < 0.15)[..., None], third, rgb)
    rgb = np.clip(rgb * (1 + 0.08 * noise / noise.std())[..., None], 0, 1)
    return np.dstack([rgb, np.ones_like(u)]).astype(np.float32)
