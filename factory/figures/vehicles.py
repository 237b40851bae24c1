"""Cars, buses, trucks, engines, motorcycles and tractors, two units long or so; they drive along +z."""

from collections.abc import Callable

import numpy as np

from factory.figures import parts
from factory.figures.bodywork import CHROME, GLASS, LAMP, RUBBER, lacquer, wheel, windows
from factory.figures.craft import aeroplane, boat, rocket
from factory.figures.parts import Part, blob, both, disc, limb, loft, plain, turned
from factory.shapes import Random


def car(rng: Random) -> list[Part]:
    """A saloon, hatchback, van or sports car."""
    paint, floor = lacquer(rng), 0.17
    wide, hood, roof = rng.uniform(0.38, 0.46), rng.uniform(0.5, 0.62), rng.uniform(0.8, 1.0)
    front, rear = rng.uniform(0.15, 0.4), rng.uniform(-0.85, -0.5)
    if rng.uniform() < 0.25:
        hood, roof, front, rear = hood - 0.08, roof - 0.15, front - 0.1, rear + 0.1
    body = loft(
        [
            (-1, wide * 0.85, floor + 0.08, hood - 0.06),
            (-0.95, wide, floor, hood),
            (-0.3, wide, floor, hood),
            (0.3, wide, floor, hood),
            (0.9, wide, floor, hood - 0.06),
            (1, wide * 0.8, floor + 0.05, hood - 0.14),
        ],
        0.75,
    )
    slope, low = rng.uniform(0.1, 0.3), hood - 0.1
    cabin = loft(
        [
            (rear - 0.02, wide * 0.8, low, hood),
            (rear + 0.12, wide * 0.82, low, roof),
            (front - slope, wide * 0.8, low, roof),
            (front + 0.25, wide * 0.9, low, hood),
        ],
        0.6,
    )
    trim = parts.below(floor + 0.08, plain("2a2a2c"), paint) if rng.uniform() < 0.5 else paint
    if rng.uniform() < 0.2:
        trim = parts.where(lambda p: (np.abs(p[..., 0]) < 0.1) & (p[..., 1] > hood - 0.1), plain("f4f4f0"), trim)
    figure = [Part(body, trim), Part(cabin, windows(hood + 0.02, roof - 0.06, paint, ((front + rear) / 2,)))]
    radius = rng.uniform(0.17, 0.23)
    for z in (-0.6, 0.62):
        figure += wheel(wide, radius, z, radius, 0.14, CHROME if rng.uniform() < 0.8 else paint)
    figure += both(Part(blob((wide * 0.62, hood - 0.16, 0.96), (0.09, 0.07, 0.06)), LAMP))
    figure += both(Part(blob((wide * 0.68, hood - 0.1, -0.97), (0.09, 0.06, 0.05)), plain("a01414")))
    return [*figure, Part(blob((0, floor + 0.06, 0.97), (wide * 0.8, 0.05, 0.06), 0.7), CHROME)]


def bus(rng: Random) -> list[Part]:
    """A bus or a van: one box with windows."""
    paint, second = lacquer(rng), lacquer(rng)
    long, wide, high = rng.uniform(0.75, 1.3), rng.uniform(0.36, 0.44), rng.uniform(0.75, 1.05)
    sill = high * rng.uniform(0.5, 0.6)
    skin = parts.below(sill - 0.05, paint, second) if rng.uniform() < 0.5 else paint
    box = loft(
        [
            (-long, wide, 0.15, high),
            (long - 0.15, wide, 0.15, high),
            (long, wide * 0.95, 0.15, high * rng.uniform(0.6, 0.97)),
        ],
        0.85,
    )
    pillars = tuple(float(z) for z in np.arange(-long, long, rng.uniform(0.25, 0.5)))
    figure = [Part(box, windows(sill, high - 0.12, skin, pillars))]
    figure.append(
        Part(blob((0, (sill + high) / 2 - 0.05, long - 0.02), (wide * 0.85, (high - sill) * 0.4, 0.05), 0.8), GLASS)
    )
    for z in (-long * 0.6, long * 0.62):
        figure += wheel(wide, 0.18, z, 0.18, 0.12)
    return figure + both(Part(blob((wide * 0.7, 0.32, long - 0.01), (0.07, 0.07, 0.05)), LAMP))


def truck(rng: Random) -> list[Part]:
    """A lorry with a box, a tank, or sand."""
    paint, cargo = lacquer(rng), lacquer(rng)
    high = rng.uniform(0.8, 1.0)
    cab = loft([(0.45, 0.4, 0.25, high), (0.85, 0.4, 0.25, high), (1.0, 0.4, 0.25, high * 0.62)], 0.85)
    figure = [Part(cab, windows(high * 0.62, high - 0.08, paint, (0.5,)))]
    figure.append(Part(blob((0, 0.25, 0), (0.3, 0.06, 1.0), 0.9), plain("2a2a2c")))
    kind = str(rng.choice(["box", "tank", "sand"]))
    if kind == "tank":
        figure.append(
            Part(
                loft([(-1.0, 0.36, 0.32, 0.95), (0.36, 0.36, 0.32, 0.95)], 0.0),
                CHROME if rng.uniform() < 0.5 else cargo,
            )
        )
    else:
        top = rng.uniform(1.0, 1.3) if kind == "box" else 0.7
        figure.append(Part(blob((0, (top + 0.3) / 2, -0.32), (0.42, (top - 0.3) / 2, 0.7), 0.93), cargo))
        if kind == "sand":
            figure.append(Part(blob((0, 0.68, -0.32), (0.38, 0.25, 0.62)), parts.mottled(plain("a8844c"), rng, 0.15)))
    for z in (-0.75, -0.42, 0.72):
        figure += wheel(0.4, 0.19, z, 0.19, 0.13)
    return figure + both(Part(blob((0.28, 0.36, 1.0), (0.07, 0.07, 0.04)), LAMP))


def locomotive(rng: Random) -> list[Part]:
    """A steam engine, as toys are."""
    paint, second = lacquer(rng), lacquer(rng)
    girth = rng.uniform(0.26, 0.33)
    middle = 0.38 + girth
    figure = [
        Part(
            loft([(-0.4, girth, middle - girth, middle + girth), (0.85, girth, middle - girth, middle + girth)], 0.0),
            paint,
        ),
        Part(
            loft(
                [
                    (0.85, girth * 0.85, middle - girth * 0.85, middle + girth * 0.85),
                    (0.9, girth * 0.8, middle - girth * 0.8, middle + girth * 0.8),
                ],
                0.0,
            ),
            RUBBER,
        ),
        Part(
            blob((0, middle + 0.1, -0.62), (0.38, 0.5, 0.3), 0.9),
            windows(middle + 0.15, middle + 0.45, paint, (-0.62,), 0.85),
        ),
        Part(blob((0, middle + 0.63, -0.62), (0.45, 0.06, 0.4), 0.7), second),
        Part(blob((0, 0.34, -0.02), (0.34, 0.08, 0.92), 0.9), second),
        Part(
            turned(
                [(0, 0), (0.08, 0), (0.09, 0.3), (0.14, 0.42), (0.14, 0.46), (0, 0.46)], (0, middle + girth - 0.05, 0.6)
            ),
            RUBBER,
        ),
        Part(blob((0, middle + girth, 0.15), (0.1, 0.13, 0.1)), plain("d8a830")),
        Part(blob((0, 0.25, 0.98), (0.34, 0.12, 0.12), 0.5), plain("a02020")),
    ]
    for z, radius in ((-0.6, 0.25), (-0.02, 0.25), (0.42, 0.17), (0.75, 0.17)):
        figure += wheel(0.34, radius, z, radius, 0.08, second)
    return figure


def motorcycle(rng: Random) -> list[Part]:
    """A motorcycle or a scooter on its two wheels."""
    paint, radius = lacquer(rng), rng.uniform(0.26, 0.32)
    width = rng.uniform(0.08, 0.13)
    figure: list[Part] = []
    for z in (-0.62, 0.66):
        rim = parts.where(lambda p, z=z: np.hypot(p[..., 1] - radius, p[..., 2] - z) < 0.6 * radius, CHROME, RUBBER)
        figure.append(Part(disc((0, radius, z), radius, width), rim))
    rise = radius + rng.uniform(0.5, 0.62)
    figure += both(Part(limb([(0.09, radius, 0.66), (0.08, rise, 0.36)], [0.03, 0.035]), CHROME))
    figure += both(Part(limb([(0.05, rise, 0.36), (0.3, rise + 0.05, 0.3), (0.36, rise, 0.22)], [0.025, 0.03]), RUBBER))
    figure += both(Part(limb([(0.09, radius, -0.62), (0.1, radius + 0.02, 0.0)], [0.04, 0.04]), CHROME))
    figure += both(Part(limb([(0.15, radius - 0.02, 0.1), (0.17, radius - 0.02, -0.8)], [0.03, 0.05]), CHROME))
    figure += [
        Part(blob((0, radius + 0.12, 0.02), (0.15, 0.18, 0.24), 0.4), plain("56585c")),
        Part(
            limb([(0, radius + 0.46, 0.36), (0, radius + 0.46, 0.1), (0, radius + 0.34, -0.15)], [0.13, 0.16, 0.1]),
            paint,
        ),
        Part(
            limb([(0, radius + 0.4, -0.05), (0, radius + 0.36, -0.35), (0, radius + 0.46, -0.72)], [0.1, 0.12, 0.07]),
            plain("242022"),
        ),
        Part(blob((0, rise - 0.06, 0.46), (0.1, 0.1, 0.09)), LAMP),
        Part(
            limb(
                [(0, radius * 2 + 0.02, 0.42), (0, radius * 2 + 0.05, 0.66), (0, radius * 1.6, 0.95)],
                [0.05, 0.07, 0.04],
            ),
            paint,
        ),
        Part(
            limb(
                [(0, radius * 2 + 0.06, -0.4), (0, radius * 2 + 0.05, -0.66), (0, radius * 1.5, -0.95)],
                [0.06, 0.08, 0.05],
            ),
            paint,
        ),
    ]
    if rng.uniform() < 0.5:
        figure.append(
            Part(
                loft(
                    [
                        (-0.1, 0.17, radius, radius + 0.4),
                        (0.3, 0.2, radius, radius + 0.55),
                        (0.62, 0.08, radius + 0.35, radius + 0.62),
                    ],
                    0.4,
                ),
                paint,
            )
        )
        figure.append(Part(blob((0, rise + 0.1, 0.4), (0.12, 0.14, 0.04)), GLASS))
    return figure


def tractor(rng: Random) -> list[Part]:
    """A farmer's tractor."""
    paint, rim = lacquer(rng), plain(str(rng.choice(["e8c020", "c81e1e", "f0f0ee"])))
    figure = [
        Part(blob((0, 0.62, 0.45), (0.22, 0.22, 0.5), 0.8), paint),
        Part(blob((0, 0.45, 0.1), (0.16, 0.14, 0.8), 0.8), plain("2a2a2c")),
        Part(blob((0, 0.95, -0.4), (0.33, 0.42, 0.33), 0.88), windows(0.85, 1.25, paint, (-0.4,))),
        Part(limb([(0.14, 0.8, 0.6), (0.14, 1.2, 0.6)], [0.03, 0.03]), RUBBER),
        *wheel(0.42, 0.45, -0.5, 0.45, 0.22, rim),
        *wheel(0.32, 0.26, 0.7, 0.26, 0.15, rim),
    ]
    return figure + both(Part(blob((0.42, 0.88, -0.45), (0.14, 0.05, 0.36), 0.5), paint))


KINDS: dict[str, Callable[[Random], list[Part]]] = {
    "car": car,
    "bus": bus,
    "truck": truck,
    "steam locomotive": locomotive,
    "motorcycle": motorcycle,
    "aeroplane": aeroplane,
    "boat": boat,
    "tractor": tractor,
    "rocket": rocket,
}
