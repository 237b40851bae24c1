"""Animals and people: birds, fish and tortoises here, and all kinds together."""

from collections.abc import Callable

import numpy as np

from factory.figures import parts
from factory.figures.parts import Part, blob, both, limb, plain
from factory.figures.people import person
from factory.figures.quadrupeds import BUILDS, DARK, WHITE, quadruped
from factory.shapes import Random


def bird(rng: Random, kind: str) -> list[Part]:
    """A chicken, duck, penguin, owl, parrot or songbird."""
    upright = {"penguin": 80.0, "owl": 75.0, "parrot": 60.0}.get(kind, 20.0) + rng.uniform(-8, 8)
    hues = {
        "penguin": ("20242c", "f4f2ec", "f0a020"),
        "chicken": (str(rng.choice(["f0e8da", "a0562a", "3a2a22", "d8b070"])), "f0e4d0", "e8a030"),
        "duck": (str(rng.choice(["f4f0e4", "f5d020", "7a6248"])), "e8dcc4", "f08a20"),
        "owl": (str(rng.choice(["8a6a48", "6a5440", "d8d0c4"])), "e0d0b4", "50402c"),
        "parrot": (
            str(rng.choice(["d02020", "1e8c3c", "2050c8", "f0c020"])),
            str(rng.choice(["2050c8", "f0c020"])),
            "302820",
        ),
    }.get(kind, (str(rng.choice(["3070c0", "c03a2a", "70573e", "e0b020"])), "f0dcc0", "40342a"))
    coat = parts.mottled(plain(hues[0]), rng, 0.1)
    belly = parts.mottled(plain(hues[1]), rng, 0.06)
    bill = plain(hues[2])
    angle, r = np.radians(upright), rng.uniform(0.2, 0.27)
    along = np.array([0, np.sin(angle), np.cos(angle)])
    middle = np.array([0, 0.2 + 0.34 * np.sin(angle) + r * 0.6, 0])
    two = parts.where(lambda p: (p - middle) @ np.array([0, -np.cos(angle), np.sin(angle)]) > 0.3 * r, belly, coat)
    body = limb(
        [tuple(middle - 0.3 * along), tuple(middle), tuple(middle + 0.28 * along)], [r * 0.65, r * 1.05, r * 0.75]
    )
    top = middle + 0.3 * along + np.array([0, 0.16 if kind not in ("owl", "penguin") else 0.06, 0.03])
    head = {"owl": 0.22, "penguin": 0.17}.get(kind, 0.14)
    x, y, z = (float(c) for c in top + np.array([0, head * 0.5, 0]))
    figure = [Part(body, two), Part(limb([tuple(middle + 0.2 * along), (x, y, z)], [r * 0.7, head * 0.7]), coat)]
    figure.append(Part(blob((x, y, z), (head, head, head)), coat))
    beak = 0.1 if kind == "owl" else rng.uniform(0.12, 0.2)
    flat = 1.8 if kind == "duck" else 1.0
    figure.append(
        Part(
            limb([(x, y - 0.02, z + head * 0.8), (x, y - 0.05, z + head * 0.8 + beak)], [0.06, 0.02 * flat], flat), bill
        )
    )
    eye = 0.075 if kind == "owl" else 0.03
    if kind == "owl":
        figure += both(Part(blob((0.09, y + 0.05, z + head * 0.82), (0.085, 0.085, 0.04)), plain("f0c030")))
    figure += both(Part(blob((head * 0.55, y + 0.05, z + head * 0.8), (eye * 0.7, eye, eye * 0.7)), DARK))
    wing = limb(
        [
            tuple(middle + 0.22 * along + [r * 0.85, 0.02, 0]),
            tuple(middle + np.array([r * 1.02, 0, 0])),
            tuple(middle - 0.38 * along + [r * 0.7, 0, 0]),
        ],
        [0.07, 0.15, 0.03],
        0.4,
    )
    figure += both(Part(wing, parts.mottled(plain(hues[0]), rng, 0.2)))
    tail = limb(
        [tuple(middle - 0.28 * along), tuple(middle - 0.55 * along + [0, 0.12 if kind == "chicken" else 0, 0])],
        [0.1, 0.07],
        0.7,
    )
    figure.append(Part(tail, coat))
    reach = middle[1] - r * 0.6
    figure += both(Part(limb([(0.09, reach, 0.0), (0.09, 0.02, 0.02)], [0.04, 0.025]), bill))
    figure += both(Part(blob((0.1, 0.02, 0.07), (0.06, 0.025, 0.1)), bill))
    if kind == "chicken":
        figure += [Part(blob((0, y + head, z + 0.03 * i), (0.025, 0.06, 0.05)), plain("d02020")) for i in (-1, 1)]
        figure.append(Part(blob((0, y - head * 0.8, z + head), (0.03, 0.06, 0.03)), plain("d02020")))
    return figure


def fish(rng: Random) -> list[Part]:
    """A fish in the water, striped or not."""
    first, second = (
        plain(str(c))
        for c in rng.choice(["f08a24", "3c6ec8", "e8d040", "c83c3c", "8aa0a8", "40a890", "f4f1ea"], 2, replace=False)
    )
    tall, wide = rng.uniform(0.2, 0.36), rng.uniform(0.1, 0.18)
    scales = (
        parts.striped(first, second, rng, rng.uniform(10, 22))
        if rng.uniform() < 0.5
        else parts.below(rng.uniform(-0.1, 0), second, first)
    )
    body = limb([(0, 0, -0.5), (0, 0, -0.1), (0, 0, 0.25), (0, 0, 0.5)], [0.3, 0.9, 1.0, 0.4]) * [wide, tall, 1]
    fin = plain(str(rng.choice(["f08a24", "3c6ec8", "e8d040", "c83c3c"])))
    figure = [Part(body, scales)]
    figure += [Part(limb([(0, 0, -0.45), (0, s * tall * 0.9, -0.75)], [0.07, 0.09], 0.25), fin) for s in (-1, 1)]
    figure.append(
        Part(limb([(0, tall * 0.8, 0.2), (0, tall * 1.25, -0.1), (0, tall * 0.7, -0.3)], [0.05, 0.09, 0.04], 0.25), fin)
    )
    figure += both(Part(limb([(wide * 0.8, -0.05, 0.15), (wide * 1.8, -0.12, -0.05)], [0.05, 0.07], 0.6), fin))
    figure += both(Part(blob((wide * 0.62, tall * 0.2, 0.36), (0.05, 0.05, 0.05)), WHITE))
    return figure + both(Part(blob((wide * 0.62 + 0.03, tall * 0.2, 0.375), (0.03, 0.032, 0.032)), DARK))


def turtle(rng: Random) -> list[Part]:
    """A tortoise."""
    skin = parts.mottled(plain(str(rng.choice(["7a8c3c", "a09050", "5a8c5a"]))), rng)
    shell = parts.patched(plain("6a4a24"), plain(str(rng.choice(["c8a050", "8a9a40"]))), rng, 16.0, 0.5)
    figure = [
        Part(blob((0, 0.3, 0), (0.42, rng.uniform(0.25, 0.4), 0.5)), shell),
        Part(blob((0, 0.2, 0), (0.45, 0.1, 0.53)), skin),
    ]
    for z in (-0.32, 0.34):
        figure += both(Part(limb([(0.3, 0.2, z), (0.42, 0.05, z * 1.2)], [0.1, 0.09]), skin))
    figure += [
        Part(limb([(0, 0.2, 0.35), (0, 0.38, 0.72)], [0.1, 0.1]), skin),
        Part(blob((0, 0.4, 0.7), (0.11, 0.1, 0.14)), skin),
    ]
    return figure + both(Part(blob((0.085, 0.43, 0.79), (0.028, 0.028, 0.028)), DARK))


KINDS: dict[str, Callable[[Random], list[Part]]] = {
    **{name: lambda rng, build=build: quadruped(build, rng) for name, build in BUILDS.items()},
    **{
        kind: lambda rng, kind=kind: bird(rng, kind)
        for kind in ("chicken", "duck", "penguin", "owl", "parrot", "songbird")
    },
    "fish": fish,
    "turtle": turtle,
    "person": person,
}
