"""Fruit, vegetables and leaves, about one unit across."""

import numpy as np
from scipy.interpolate import PchipInterpolator

from factory.figures import parts
from factory.figures.parts import Part, blob, limb, plain, turned
from factory.shapes import Grid, Random

LEAF, STALK = plain("4c9a34"), plain("6a4a28")
FRUITS = {
    "apple": ([0.12, 0.32, 0.46, 0.52, 0.42, 0.15], 0.85, ("c81e1e", "78b43c", "e8c83c")),
    "pear": ([0.08, 0.42, 0.48, 0.32, 0.22, 0.06], 1.15, ("a8b83c", "d8c050", "b87838")),
    "orange": ([0.05, 0.37, 0.5, 0.5, 0.37, 0.05], 0.98, ("f08a1e", "f0a030", "e8d840")),
    "tomato": ([0.05, 0.42, 0.53, 0.5, 0.35, 0.05], 0.75, ("d02a1e", "e0502a")),
    "aubergine": ([0.05, 0.4, 0.45, 0.32, 0.25, 0.1], 1.4, ("3a1e46", "502a5a")),
    "pepper": ([0.1, 0.3, 0.38, 0.42, 0.45, 0.2], 0.95, ("d02a1e", "e8c020", "4c9a34")),
    "pumpkin": ([0.1, 0.5, 0.62, 0.6, 0.45, 0.1], 0.8, ("e07818", "c86414")),
}
"""Radii from the bottom up, the height, and colours."""


def fruit(kind: str, rng: Random) -> list[Part]:
    """A fruit with its stalk; some have a leaf."""
    radii, height, colors = FRUITS[kind]
    t = np.linspace(0, 1, 18)
    width, heights = PchipInterpolator(np.linspace(0, 1, len(radii)), radii)(t), height * (1 - np.cos(np.pi * t)) / 2
    grid = turned([(0.0, 0.05), *zip(width.tolist(), heights.tolist(), strict=True), (0.0, height * 0.93)])
    if kind in ("pumpkin", "pepper"):
        angle = np.arctan2(grid[..., :1], grid[..., 2:])
        lobes = 10 if kind == "pumpkin" else 4
        grid = grid * ((1 - 0.1 * np.abs(np.cos(lobes * angle / 2))) * [1, 0, 1] + [0, 1, 0])
    flesh = parts.mottled(plain(str(rng.choice(colors))), rng, 0.08)
    if kind in ("apple", "pear") and rng.uniform() < 0.5:
        flesh = parts.patched(flesh, plain(str(rng.choice(colors))), rng, 2.5, 0.4)
    green = plain("4a7a2c") if kind in ("tomato", "aubergine", "pepper", "pumpkin") else STALK
    figure = [
        Part(grid * rng.uniform(0.92, 1.08, 3), flesh),
        Part(limb([(0, height * 0.92, 0), (0.04, height + 0.18, 0.02)], [0.045, 0.035]), green),
    ]
    if kind in ("tomato", "aubergine"):
        figure.append(Part(frill(0.2, height * 0.99, 0.04, rng), green))
    elif rng.uniform() < 0.5 and kind != "pumpkin":
        figure.append(Part(blob((0.17, height + 0.1, 0), (0.18, 0.02, 0.09)), LEAF))
    return figure


def banana(rng: Random) -> list[Part]:
    """One banana, or a hand of them."""
    figure: list[Part] = []
    for i in range(rng.integers(1, 5)):
        lean = 0.32 * i
        yellow = parts.mottled(plain(str(rng.choice(["f0d030", "e8c428", "c8c840"]))), rng)
        ends = parts.where(lambda p: np.abs(p[..., 2]) > 0.72, plain("6a5a20"), yellow)
        grid = limb(
            [(0, 0.45, -0.8), (0, 0.3, -0.66), (0, 0.02, 0), (0, 0.3, 0.66), (0, 0.42, 0.76)],
            [0.05, 0.12, 0.17, 0.12, 0.04],
        )
        sin, cos = np.sin(lean), np.cos(lean)
        figure.append(
            Part(
                (grid - [0, 0.45, -0.8]) @ np.array([[cos, 0, sin], [0, 1, 0], [-sin, 0, cos]]),
                lambda p, paint=ends, s=sin, c=cos: paint(
                    p @ np.array([[c, 0, -s], [0, 1, 0], [s, 0, c]]) + [0, 0.45, -0.8]
                ),
            )
        )
    return figure


def frill(radius: float, y: float, thick: float, rng: Random) -> Grid:
    """A leaf, wavy at its rim."""
    grid = blob((0, 0, 0), (radius, thick, radius))
    angle, share = np.arctan2(grid[..., 0], grid[..., 2]), np.hypot(grid[..., 0], grid[..., 2]) / radius
    wave = 0.05 * share**2 * np.sin(angle * rng.integers(6, 10) + rng.uniform(0, 6))
    return grid + np.stack([np.zeros_like(wave), wave + y, np.zeros_like(wave)], axis=-1)
