"""Aeroplanes, boats and rockets, two units long or so; they head along +z, rockets upwards."""

import numpy as np

from factory.figures import parts
from factory.figures.bodywork import CHROME, GLASS, RUBBER, lacquer, wheel, windows
from factory.figures.parts import Part, blob, both, limb, loft, plain, turned
from factory.shapes import Random


def aeroplane(rng: Random) -> list[Part]:
    """An airliner, or a small aeroplane with a propeller."""
    paint, second = lacquer(rng), lacquer(rng)
    girth, jet = rng.uniform(0.13, 0.2), rng.uniform() < 0.5
    hull = limb(
        [(0, 0, -1.0), (0, -0.03, -0.3), (0, -0.03, 0.5), (0, -0.03, 0.95)], [girth * 0.35, girth, girth, girth * 0.6]
    )
    skin = parts.below(-0.05, second, paint)
    if jet:
        skin = parts.where(
            lambda p: (np.abs(p[..., 1] - 0.03) < 0.035) & (np.sin(p[..., 2] * 45) > 0) & (np.abs(p[..., 2]) < 0.75),
            GLASS,
            skin,
        )
    figure = [
        Part(hull, skin),
        Part(blob((0, girth * 0.6, 0.6 if jet else 0.3), (girth * 0.6, girth * 0.55, 0.2)), GLASS),
    ]
    sweep, high = (rng.uniform(0.3, 0.5), -0.05) if jet else (0.0, float(rng.choice([-0.08, girth])))
    wing = loft([(0, 0.18, -0.025, 0.025), (1, 0.09, -0.012, 0.012)], 0.0)[..., [2, 1, 0]] * [
        rng.uniform(0.85, 1.1),
        1,
        1,
    ]
    wing = wing + wing[..., :1] * np.array([0, 0.06, -sweep]) + np.array([0, high, 0.1])
    figure += both(Part(wing, paint))
    tail = (wing - [0, high, 0.1]) * [0.4, 0.8, 0.6] + [0, 0.05, -0.88]
    figure += both(Part(tail, second))
    figure.append(Part(tail[..., [1, 0, 2]] - [0.05, 0, 0], second))
    if jet:
        return figure + both(Part(limb([(0.38, -0.16, 0.0), (0.38, -0.16, 0.3)], [0.07, 0.08]), CHROME))
    figure.append(Part(blob((0, -0.03, 1.0), (0.025, rng.uniform(0.3, 0.4), 0.015)), RUBBER))
    return (
        figure
        + wheel(0.22, -girth - 0.16, 0.3, 0.07, 0.05)
        + both(Part(limb([(0.05, -girth * 0.6, 0.3), (0.22, -girth - 0.16, 0.3)], [0.02, 0.02]), CHROME))
    )


def boat(rng: Random) -> list[Part]:
    """A fishing boat, a steamer or a sailing boat."""
    paint, second = lacquer(rng), lacquer(rng)
    wide, deck = rng.uniform(0.28, 0.4), rng.uniform(0.3, 0.42)
    hull = loft(
        [
            (-1, wide * 0.75, 0.1, deck + 0.04),
            (-0.5, wide, 0, deck),
            (0.3, wide * 0.95, 0, deck + 0.03),
            (1, 0.02, 0.2, deck + 0.16),
        ],
        0.35,
    )
    figure = [
        Part(hull, parts.below(deck * 0.4, second, paint)),
        Part(
            loft(
                [
                    (-0.9, wide * 0.6, deck - 0.02, deck + 0.06),
                    (0.3, wide * 0.8, deck - 0.02, deck + 0.06),
                    (0.85, 0.05, deck, deck + 0.1),
                ],
                0.6,
            ),
            plain("b48a54"),
        ),
    ]
    if rng.uniform() < 0.5:
        cabin = blob((0, deck + 0.2, -0.3), (wide * 0.6, 0.24, 0.34), 0.85)
        figure.append(Part(cabin, windows(deck + 0.2, deck + 0.36, plain("f0f0ee"), (-0.5, -0.3, -0.1))))
        figure.append(
            Part(
                turned([(0, 0), (0.1, 0), (0.09, 0.35), (0, 0.35)], (0, deck + 0.4, -0.35)),
                parts.below(deck + 0.62, lacquer(rng), RUBBER),
            )
        )
    else:
        mast = rng.uniform(1.4, 1.9)
        figure.append(Part(limb([(0, deck, 0.1), (0, deck + mast, 0.1)], [0.03, 0.02]), plain("7a5230")))
        sail = plain(str(rng.choice(["f4f1ea", "d83a2a", "e8d8b0"])))
        main = loft([(0.06, 0.02, deck + 0.18, deck + mast * 0.97), (-0.8, 0.015, deck + 0.18, deck + 0.24)], 0.3)
        jib = loft([(0.14, 0.015, deck + 0.15, deck + mast * 0.85), (0.85, 0.01, deck + 0.15, deck + 0.2)], 0.3)
        bulge = np.array([0.15, 0, 0])
        figure += [
            Part(grid + np.sin(np.clip((grid[..., 1:2] - deck) / mast, 0, 1) * np.pi) * bulge, sail)
            for grid in (main, jib)
        ]
    return figure


def rocket(rng: Random) -> list[Part]:
    """A rocket as in comics."""
    paint, second = lacquer(rng), lacquer(rng)
    belly = rng.uniform(0.2, 0.3)
    hull = parts.where(lambda p: p[..., 1] > 1.25, second, paint)
    hull = parts.where(lambda p: (np.hypot(p[..., 0], p[..., 1] - 1.0) < 0.1) & (p[..., 2] > 0), plain("50a8e0"), hull)
    fins = [limb([(0, 0.55, belly * 0.7), (0, 0.3, belly + 0.25), (0, 0.02, belly + 0.3)], [0.1, 0.09, 0.03], 0.4)]
    for angle in (2 * np.pi / 3, 4 * np.pi / 3):
        sin, cos = np.sin(angle), np.cos(angle)
        fins.append(fins[0] @ np.array([[cos, 0, -sin], [0, 1, 0], [sin, 0, cos]]))
    body = turned(
        [(0, 0.2), (belly * 0.7, 0.2), (belly, 0.7), (belly * 0.95, 1.0), (belly * 0.7, 1.3), (0.02, 1.65), (0, 1.65)]
    )
    nozzle = turned([(0, 0.08), (belly * 0.5, 0.08), (belly * 0.4, 0.22), (0, 0.22)])
    return [Part(body, hull), Part(nozzle, RUBBER), *(Part(fin, second) for fin in fins)]
