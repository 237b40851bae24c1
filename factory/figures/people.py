"""People, standing, about one unit tall; they look along +z."""

from factory.figures import parts
from factory.figures.parts import Part, blob, both, limb, plain
from factory.figures.quadrupeds import DARK, WHITE
from factory.shapes import Random


def person(rng: Random) -> list[Part]:
    """Somebody in plain clothes; the younger, the larger the head."""
    skin = plain(str(rng.choice(["f0c8a0", "e0a878", "b07848", "7a4c2c", "f4d8c0"])))
    hair = plain(str(rng.choice(["2a1c14", "5a3a1e", "c89a40", "8c3c1c", "8a8886"])))
    shirt, trousers, shoe = (
        plain(str(c))
        for c in rng.choice(
            ["c83232", "3264b4", "3c8c46", "e8c83c", "303030", "f0eee8", "8c50a0", "e07828", "5a4634"], 3, replace=False
        )
    )
    if rng.uniform() < 0.4:
        shirt = parts.striped(shirt, WHITE, rng, rng.uniform(25, 45), axis=1)
    head, legs = rng.uniform(0.12, 0.2), rng.uniform(0.4, 0.6)
    skirt, wide = rng.uniform() < 0.35, rng.uniform(0.13, 0.19)
    shoulder = legs + rng.uniform(0.38, 0.46)
    y = shoulder + 0.05 + head
    figure = [
        Part(
            limb(
                [(0, legs - 0.02, 0), (0, (legs + shoulder) / 2, 0), (0, shoulder, 0)], [wide * 0.95, wide * 0.9, wide]
            )
            * [1.1, 1, 0.8],
            shirt,
        ),
        Part(limb([(0, shoulder - 0.05, 0), (0, y, 0)], [0.06, 0.06]), skin),
        Part(blob((0, y, 0), (head * 0.92, head, head * 0.95)), skin),
        Part(blob((0, y + head * 0.22, -head * 0.15), (head * 1.02, head * 0.95, head * 0.98)), hair),
        Part(blob((0, y - head * 0.05, head * 0.98), (head * 0.12, head * 0.14, head * 0.14)), skin),
        Part(blob((0, y - head * 0.45, head * 0.82), (head * 0.25, head * 0.05, head * 0.06)), plain("b04a44")),
    ]
    if skirt:
        figure.append(
            Part(parts.turned([(0, legs + 0.1), (wide, legs + 0.1), (wide * 2, legs * 0.45), (0, legs * 0.45)]), shirt)
        )
        figure.append(
            Part(
                limb(
                    [(0, y, -head * 0.6), (0, y - head, -head), (0, shoulder - 0.15, -head * 0.9)],
                    [head * 0.7, head * 0.6, 0.06],
                ),
                hair,
            )
        )
    figure += both(
        Part(blob((head * 0.38, y + head * 0.02, head * 0.86), (head * 0.1, head * 0.14, head * 0.08)), DARK)
    )
    for side in (-1, 1):
        lift, forward = rng.uniform(-1.2, 0.9), rng.uniform(-0.1, 0.2)
        elbow = (side * (wide * 1.2 + 0.14), shoulder - 0.12 + 0.06 * lift, forward * 0.5)
        hand = (side * (wide * 1.2 + 0.2), shoulder - 0.2 + 0.2 * lift, forward + 0.06)
        figure.append(Part(limb([(side * wide * 1.05, shoulder - 0.05, 0), elbow, hand], [0.065, 0.055, 0.045]), shirt))
        figure.append(Part(blob(hand, (0.055, 0.055, 0.055)), skin))
        foot = rng.uniform(-0.07, 0.07)
        figure.append(
            Part(
                limb([(side * wide * 0.55, legs, 0), (side * wide * 0.6, 0.05, foot)], [0.09, 0.06]),
                skin if skirt else trousers,
            )
        )
        figure.append(Part(blob((side * wide * 0.6, 0.045, foot + 0.05), (0.065, 0.05, 0.12)), shoe))
    return figure
