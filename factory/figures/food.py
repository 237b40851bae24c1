"""Things to eat, about one unit across."""

from collections.abc import Callable

import numpy as np

from factory.figures import parts
from factory.figures.fruit import FRUITS, banana, frill, fruit
from factory.figures.parts import Paint, Part, blob, limb, loft, plain, turned
from factory.shapes import Grid, Random

CREAM = plain("f8f0dc")
ICINGS = ("f4a8c0", "6a3c20", "f8f4ec", "a8d8e8", "f0d040", "c8a0d8", "9ad0a0", "c02a38")


def _icing(rng: Random) -> Paint:
    return plain(str(rng.choice(ICINGS)))


def _sprinkled(paint: Paint, rng: Random, frequency: float = 42.0) -> Paint:
    return parts.patched(paint, _icing(rng), rng, frequency, 0.12)


def _baked(rng: Random) -> Paint:
    return parts.mottled(plain(str(rng.choice(["c8843c", "b8702c", "d89c50"]))), rng, 0.1)


def burger(rng: Random) -> list[Part]:
    """Two halves of a bun, and whatever is drawn between them."""
    bun, wide, y = _baked(rng), 0.55, 0.16
    figure = [Part(blob((0, 0.1, 0), (wide, 0.14, wide), 0.3), bun)]
    fillings = [
        "patty",
        *(str(f) for f in rng.choice(["salad", "cheese", "tomato", "patty", "salad"], rng.integers(2, 5))),
    ]
    for filling in fillings:
        if filling == "patty":
            figure.append(
                Part(
                    blob((0, y + 0.09, 0), (wide * 1.02, 0.1, wide * 1.02), 0.4),
                    parts.mottled(plain("5a3420"), rng, 0.2),
                )
            )
            y += 0.15
        elif filling == "salad":
            figure.append(Part(frill(wide * 1.15, y + 0.05, 0.03, rng), parts.mottled(plain("6ab43c"), rng, 0.15)))
            y += 0.06
        elif filling == "cheese":
            square = loft([(-0.52, 0.52, y, y + 0.035), (0.52, 0.52, y, y + 0.035)], 0.95)
            droop = 0.1 * np.maximum(np.abs(square[..., :1]), np.abs(square[..., 2:])) ** 6 * 50
            figure.append(Part(square - droop * [0, 0.3, 0], plain("f4b820")))
            y += 0.035
        else:
            figure.append(Part(blob((0, y + 0.04, 0), (wide * 0.95, 0.05, wide * 0.95), 0.6), plain("d03424")))
            y += 0.07
    top = turned(
        [(0, 0), (wide, 0), (wide * 1.03, 0.1), (wide * 0.9, 0.22), (wide * 0.6, 0.32), (wide * 0.3, 0.36), (0, 0.37)],
        (0, y, 0),
    )
    seeds = parts.patched(bun, plain("f4e4bc"), rng, 40.0, 0.1)
    return [*figure, Part(top, parts.below(y + 0.15, bun, seeds if rng.uniform() < 0.7 else bun))]


def hot_dog(rng: Random) -> list[Part]:
    """A sausage in a long bun, with mustard or ketchup."""
    bun, long, wide, bend = _baked(rng), rng.uniform(0.65, 0.85), rng.uniform(0.16, 0.22), rng.uniform(-0.06, 0.06)
    halves = [
        limb([(x * wide, 0.18, -long), (x * wide + bend, 0.15, 0), (x * wide, 0.18, long)], [wide, wide * 1.15, wide])
        for x in (-1, 1)
    ]
    thick = rng.uniform(0.11, 0.14)
    sausage = limb([(0, 0.36, -long - 0.12), (bend, 0.3, 0), (0, 0.36, long + 0.12)], [thick, thick, thick])
    at = np.linspace(-0.75, 0.75, 14)
    sauce = limb(
        [(0.07 * (-1) ** i + bend * (1 - z * z), 0.31 + thick + 0.06 * z * z, float(z)) for i, z in enumerate(at)],
        [0.03, 0.035, 0.03],
    )
    figure = [
        *(Part(half, bun) for half in halves),
        Part(sausage, parts.mottled(plain(str(rng.choice(["a04428", "b85a34", "8a3420"]))), rng)),
    ]
    return [*figure, Part(sauce, plain(str(rng.choice(["f0c020", "c82018"]))))]


def cake(rng: Random) -> list[Part]:
    """One to three tiers under icing, with candles or cherries."""
    figure: list[Part] = [Part(turned([(0, -0.05), (0.8, -0.05), (0.85, 0), (0, 0)]), plain("e8e8ea"))]
    y, radius = 0.0, rng.uniform(0.55, 0.7)
    for _ in range(rng.integers(1, 4)):
        height = rng.uniform(0.25, 0.45)
        icing, sponge = _icing(rng), _icing(rng)
        drip = parts.waves(rng, 10.0)
        side = parts.where(lambda p, y=y, h=height, d=drip: p[..., 1] > y + h * (0.6 + 0.1 * d(p)), icing, sponge)
        figure.append(
            Part(
                turned(
                    [(0, y), (radius, y), (radius, y + height - 0.04), (radius - 0.04, y + height), (0, y + height)]
                ),
                _sprinkled(side, rng) if rng.uniform() < 0.3 else side,
            )
        )
        y += height
        beads, color = int(rng.integers(8, 16)), _icing(rng)
        if rng.uniform() < 0.6:
            figure += _ring_of(
                beads, radius - 0.08, lambda x, z, y=y: blob((x, y + 0.02, z), (0.06, 0.06, 0.06)), color
            )
        radius *= rng.uniform(0.6, 0.8)
    if rng.uniform() < 0.6:
        sticks = lambda x, z, y=y: turned([(0, y), (0.025, y), (0.025, y + 0.25), (0, y + 0.25)], (x, 0, z))  # noqa: E731
        flames = lambda x, z, y=y: blob((x, y + 0.3, z), (0.025, 0.05, 0.025))  # noqa: E731
        count = int(rng.integers(3, 8))
        return (
            figure
            + _ring_of(count, radius * 0.6, sticks, _icing(rng))
            + _ring_of(count, radius * 0.6, flames, plain("f8b020"))
        )
    return [*figure, Part(blob((0, y + 0.07, 0), (0.09, 0.09, 0.09)), plain("c01828"))]


def _ring_of(count: int, radius: float, make: Callable[[float, float], Grid], paint: Paint) -> list[Part]:
    angles = np.arange(count) * 2 * np.pi / count
    return [Part(make(radius * float(np.sin(a)), radius * float(np.cos(a))), paint) for a in angles]


def cupcake(rng: Random) -> list[Part]:
    """A pleated paper cup, a swirl of cream, and something on top."""
    cup = turned([(0, 0), (0.36, 0), (0.5, 0.42), (0, 0.42)])
    angle = np.arctan2(cup[..., :1], cup[..., 2:])
    pleats = 1 + 0.04 * np.sin(26 * angle)
    paper, pale = _icing(rng), _icing(rng)
    striped = parts.where(lambda p: np.sin(26 * np.arctan2(p[..., 0], p[..., 2])) > 0, paper, pale)
    turns, high = rng.uniform(2, 3.5), rng.uniform(0.4, 0.6)
    t = np.linspace(0, 1, 40)
    path = [
        (
            0.38 * (1 - s) * float(np.sin(2 * np.pi * turns * s)),
            0.46 + high * s,
            0.38 * (1 - s) * float(np.cos(2 * np.pi * turns * s)),
        )
        for s in t
    ]
    cream = _icing(rng)
    figure = [
        Part(cup * (pleats * [1, 0, 1] + [0, 1, 0]), striped),
        Part(limb(path, [0.19, 0.16, 0.07]), _sprinkled(cream, rng) if rng.uniform() < 0.5 else cream),
    ]
    figure.append(Part(turned([(0, 0.4), (0.42, 0.42), (0.25, 0.46 + high * 0.5), (0, 0.46 + high * 0.9)]), cream))
    if rng.uniform() < 0.7:
        figure.append(Part(blob((0, 0.52 + high, 0), (0.1, 0.1, 0.1)), plain("c01828")))
    return figure


def doughnut(rng: Random) -> list[Part]:
    """A ring with icing on its upper side."""
    angles = np.linspace(0, 2 * np.pi, 44)
    tube = rng.uniform(0.17, 0.24)
    turn = np.linspace(0, 2 * np.pi, 33)[None]
    ring = 0.45 + tube * np.cos(turn)
    grid = np.stack(
        [
            ring * np.sin(angles[:, None]),
            np.broadcast_to(0.8 * tube * np.sin(turn), (44, 33)),
            ring * np.cos(angles[:, None]),
        ],
        axis=-1,
    )
    drip = parts.waves(rng, 9.0)
    icing = _sprinkled(_icing(rng), rng)
    return [Part(grid, parts.where(lambda p: p[..., 1] > 0.03 * drip(p) + 0.02, icing, _baked(rng)))]


def ice_cream(rng: Random) -> list[Part]:
    """Scoops on a cone."""
    wafer = parts.where(
        lambda p: (
            (np.sin(p[..., 1] * 40) > 0.8) | (np.sin(12 * np.arctan2(p[..., 0], p[..., 2]) + 10 * p[..., 1]) > 0.85)
        ),
        plain("9a6428"),
        plain("d8a050"),
    )
    figure = [Part(turned([(0, 0), (0.02, 0), (0.3, 0.9), (0.27, 0.9), (0, 0.85)]), wafer)]
    y = 1.02
    for _ in range(rng.integers(1, 4)):
        figure.append(Part(frill(0.34, y - 0.12, 0.06, rng), paint := parts.mottled(_icing(rng), rng)))
        figure.append(Part(blob((rng.uniform(-0.03, 0.03), y, 0), (0.3, 0.29, 0.3)), paint))
        y += 0.36
    return figure


def loaf(rng: Random) -> list[Part]:
    """A loaf or a baguette with cuts."""
    long, wide = rng.uniform(0.5, 1.1), rng.uniform(0.2, 0.38)
    grid = limb([(0, 0, -long), (0, 0, 0), (0, 0, long)], [wide * 0.85, wide, wide * 0.85]) * [
        1,
        rng.uniform(0.65, 0.95),
        1,
    ]
    repeats, slant = rng.uniform(8, 14), rng.uniform(-4, 4)
    cuts = parts.where(
        lambda p: (p[..., 1] > wide * 0.3) & (np.sin(repeats * p[..., 2] + slant * p[..., 0]) > 0.75),
        plain("ecd0a0"),
        _baked(rng),
    )
    return [Part(grid, parts.mottled(cuts, rng, 0.08))]


def roast(rng: Random) -> list[Part]:
    """A roasted bird on a dish."""
    brown = parts.mottled(plain(str(rng.choice(["a85c20", "c07830", "8a4818"]))), rng, 0.2)
    figure = [Part(turned([(0, 0), (0.5, 0), (0.85, 0.1), (0.82, 0.13), (0.5, 0.05), (0, 0.05)]), plain("f0f0f2"))]
    figure.append(Part(blob((0, 0.33, 0), (0.36, 0.3, 0.48)), brown))
    for x in (-1, 1):
        figure.append(
            Part(
                limb([(0.28 * x, 0.3, 0.15), (0.34 * x, 0.42, 0.4), (0.22 * x, 0.5, 0.68)], [0.17, 0.13, 0.045]), brown
            )
        )
        figure.append(Part(blob((0.22 * x, 0.51, 0.71), (0.06, 0.06, 0.06)), CREAM))
        figure.append(
            Part(limb([(0.33 * x, 0.4, -0.2), (0.48 * x, 0.28, 0.0), (0.36 * x, 0.2, 0.12)], [0.1, 0.07, 0.04]), brown)
        )
    garnish = [plain(c) for c in ("4c9a34", "d03424", "e8a030")]
    angles = rng.uniform(0, 2 * np.pi, 9)
    return figure + [
        Part(blob((0.6 * float(np.sin(a)), 0.12, 0.6 * float(np.cos(a))), (0.09, 0.07, 0.09)), garnish[i % 3])
        for i, a in enumerate(angles)
    ]


def bowl_of(rng: Random) -> list[Part]:
    """A bowl heaped with round fruit."""
    figure = [
        Part(
            turned([(0, 0), (0.3, 0), (0.32, 0.05), (0.7, 0.4), (0.66, 0.42), (0.3, 0.12), (0, 0.1)]),
            parts.striped(_icing(rng), _icing(rng), rng, rng.uniform(15, 30), axis=1),
        )
    ]
    for _ in range(rng.integers(6, 11)):
        a, r = rng.uniform(0, 2 * np.pi), rng.uniform(0, 0.4)
        size = rng.uniform(0.13, 0.2)
        color = str(rng.choice(["c81e1e", "78b43c", "f08a1e", "e8d840", "602a50"]))
        figure.append(
            Part(
                blob((r * np.sin(a), 0.52 - 0.3 * r, r * np.cos(a)), (size, size * 0.95, size)),
                parts.mottled(plain(color), rng),
            )
        )
    return figure


def bottle(rng: Random) -> list[Part]:
    """A bottle or a carton with a label."""
    glass = plain(str(rng.choice(["1e4628", "5a2a14", "c8d8dc", "f4f4f0", "a01c20", "e8c040"])))
    label, second = _icing(rng), _icing(rng)
    wide, neck, high = rng.uniform(0.2, 0.3), rng.uniform(0.06, 0.1), rng.uniform(0.95, 1.3)
    low, top = 0.2, 0.55 * high
    side = parts.where(
        lambda p: (p[..., 1] > low) & (p[..., 1] < top),
        parts.where(lambda p: np.abs(p[..., 1] - (low + top) / 2) < 0.08, second, label),
        glass,
    )
    side = parts.where(lambda p: p[..., 1] > high - 0.1, second, side)
    return [
        Part(
            turned(
                [
                    (0, 0),
                    (wide, 0),
                    (wide, 0.62 * high),
                    (wide * 0.85, 0.7 * high),
                    (neck, 0.8 * high),
                    (neck, high),
                    (0, high),
                ]
            ),
            side,
        )
    ]


KINDS: dict[str, Callable[[Random], list[Part]]] = {
    "burger": burger,
    "sausage in a bun": hot_dog,
    "cake": cake,
    "muffin": cupcake,
    "doughnut": doughnut,
    "ice cream": ice_cream,
    "loaf": loaf,
    "roast": roast,
    "banana": banana,
    "fruit bowl": bowl_of,
    "bottle": bottle,
    **{kind: lambda rng, kind=kind: fruit(kind, rng) for kind in FRUITS},
}
