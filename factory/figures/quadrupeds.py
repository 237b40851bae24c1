"""Beasts on four legs, standing or sitting, about one unit long; they look along +z."""

from dataclasses import dataclass

import numpy as np

from factory.figures import parts
from factory.figures.parts import Paint, Part, blob, both, limb, plain
from factory.shapes import Random

DARK, WHITE = plain("17130f"), plain("f4f1ea")
COATS = ("8a5a2e", "c89a5a", "e8d2a8", "2a2320", "6e6a66", "f2ece2", "b4622a", "4b3424", "9c8468", "d8b080")


@dataclass(frozen=True)
class Build:
    """Proportions of a quadruped, as shares of its body's length."""

    girth: float = 0.2
    legs: float = 0.45
    thickness: float = 0.075
    neck: float = 0.22
    rise: float = 50.0
    """Of the neck, in degrees."""
    head: float = 0.17
    snout: float = 0.14
    ears: str = "pointed"
    ear: float = 0.13
    tail: float = 0.4
    bushy: float = 0.035
    coats: tuple[str, ...] = COATS
    pattern: str = "patched"
    sits: bool = False
    extra: str = ""


BUILDS = {
    "dog": Build(sits=True, ears="floppy", girth=0.19, snout=0.17),
    "puppy": Build(sits=True, ears="floppy", girth=0.24, legs=0.3, head=0.25, snout=0.13, tail=0.25, thickness=0.09),
    "cat": Build(sits=True, legs=0.36, head=0.17, snout=0.06, tail=0.6, girth=0.17, neck=0.12, pattern="striped"),
    "fox": Build(ears="pointed", snout=0.18, tail=0.5, bushy=0.09, coats=("c8641e", "d87a30"), pattern="belly"),
    "horse": Build(0.22, 0.62, 0.06, 0.42, 55, 0.14, 0.26, "pointed", 0.09, 0.5, 0.05, extra="mane"),
    "zebra": Build(0.22, 0.55, 0.06, 0.36, 55, 0.14, 0.24, "pointed", 0.1, 0.4, 0.03, ("f2efe8",), "striped"),
    "cow": Build(0.26, 0.45, 0.07, 0.2, 30, 0.17, 0.2, "side", 0.13, 0.45, 0.025, extra="horns"),
    "pig": Build(0.27, 0.25, 0.07, 0.08, 10, 0.2, 0.12, "pointed", 0.12, 0.12, 0.02, ("f0b4b4", "e8a0a4", "d89a90")),
    "sheep": Build(0.29, 0.33, 0.05, 0.14, 40, 0.14, 0.14, "side", 0.12, 0.1, 0.06, ("f0ebe0", "e0d8c8"), "woolly"),
    "bear": Build(
        0.3, 0.35, 0.11, 0.14, 25, 0.2, 0.13, "round", 0.08, 0.06, 0.05, ("4b3020", "2a2220", "7a5230", "f0eee8")
    ),
    "elephant": Build(
        0.34, 0.48, 0.12, 0.1, 20, 0.26, 0.05, "fan", 0.3, 0.35, 0.025, ("8c8a8a", "7a7674"), "", extra="trunk"
    ),
    "lion": Build(
        0.22, 0.42, 0.08, 0.16, 45, 0.2, 0.12, "round", 0.07, 0.55, 0.03, ("c89a50", "d8ae64"), "belly", extra="ruff"
    ),
    "giraffe": Build(
        0.24, 0.8, 0.055, 0.95, 68, 0.12, 0.18, "side", 0.1, 0.4, 0.025, ("e8c88a",), "patched", extra="horns"
    ),
    "rabbit": Build(0.24, 0.2, 0.06, 0.06, 45, 0.2, 0.08, "long", 0.3, 0.07, 0.07, sits=True),
    "mouse": Build(
        0.25, 0.14, 0.04, 0.05, 20, 0.18, 0.13, "round", 0.13, 0.8, 0.02, ("8a8480", "b8aea4", "f0eae4"), ""
    ),
    "deer": Build(
        0.19, 0.58, 0.045, 0.32, 60, 0.13, 0.18, "side", 0.13, 0.1, 0.04, ("a0703c", "8a5c30"), "belly", extra="antlers"
    ),
}


def quadruped(build: Build, rng: Random) -> list[Part]:
    """A beast of a build, its proportions a little off."""
    girth, legs, thick = (value * rng.uniform(0.85, 1.2) for value in (build.girth, build.legs, build.thickness))
    coat = _coat(build, (legs, legs + 0.5 * girth), rng)
    sits = build.sits and rng.uniform() < 0.5
    if sits:
        hip, chest = np.array([0, girth * 0.9, -0.3]), np.array([0, 0.6 + girth, 0.2])
    else:
        hip, chest = np.array([0, legs + girth, -0.54]), np.array([0, legs + girth * 1.05, 0.5])
    middle = (hip + chest) / 2 - [0, 0.02, 0]
    figure = [Part(limb([tuple(hip), tuple(middle), tuple(chest)], [girth * 0.9, girth, girth * 0.95], 0.85), coat)]
    figure += _seated_legs(girth, thick, chest, coat) if sits else _standing_legs(girth, legs, thick, coat, rng)
    angle = np.radians(min(build.rise + (25 if sits else 0), 80) + rng.uniform(-12, 12))
    root = chest + np.array([0, girth * 0.45, -girth * 0.25])
    top = root + build.neck * np.array([0, np.sin(angle), np.cos(angle)])
    head = build.head * rng.uniform(0.9, 1.15)
    figure.append(
        Part(
            limb(
                [tuple(chest - [0, girth * 0.3, girth * 0.8]), tuple(root), tuple(top + (top - root) * 0.3)],
                [girth * 0.75, girth * 0.62, head * 0.62],
            ),
            coat,
        )
    )
    figure += _head(build, head, top + np.array([0, head * 0.3, head * 0.4]), coat, rng)
    tail, lift = build.tail, rng.uniform(-0.5, 0.8)
    back = hip + np.array([0, girth * 0.45, girth * 0.2])
    tip = back + tail * np.array([rng.uniform(-0.3, 0.3), lift, -0.7])
    if sits:
        tip = np.array([rng.choice([-1, 1]) * tail * 0.6, build.bushy, -0.35])
    bend = (back + tip) / 2 + [0, -0.15 * tail * np.sign(lift), -0.1 * tail]
    figure.append(
        Part(limb([tuple(back), tuple(bend), tuple(tip)], [build.bushy * 0.8, build.bushy * 1.2, build.bushy]), coat)
    )
    return figure


def _coat(build: Build, belly: tuple[float, float], rng: Random) -> Paint:
    colors = rng.permutation(build.coats)
    first, second = plain(str(colors[0])), plain(str(rng.choice([*build.coats, "f4f1ea", "2a2320"])))
    if build.pattern == "belly":
        coat = parts.below(belly[0], first, parts.below(belly[1], WHITE, first))
    elif build.pattern == "striped" and (len(build.coats) == 1 or rng.uniform() < 0.6):
        coat = parts.striped(first, DARK if len(build.coats) == 1 else second, rng, rng.uniform(30, 45))
    elif build.pattern == "patched" and rng.uniform() < 0.6:
        coat = parts.patched(first, plain("7a4a22") if build.neck > 0.9 else second, rng, rng.uniform(5, 12))
    else:
        coat = first
    return parts.mottled(coat, rng, 0.14 if build.pattern == "woolly" else 0.06)


def _standing_legs(girth: float, legs: float, thick: float, coat: Paint, rng: Random) -> list[Part]:
    hoof = parts.below(0.07 * legs + 0.02, plain("3a2e26"), coat) if rng.uniform() < 0.5 else coat
    figure: list[Part] = []
    for side in (-1, 1):
        for end, bend in ((0.34, 0.02), (-0.38, -0.07)):
            x, step = side * girth * 0.55, rng.uniform(-0.1, 0.1)
            hip = (x, legs + girth * 0.7, end)
            knee = (x, legs * 0.5, end + step * 0.5 + bend)
            foot = (x, thick * 0.6, end + step)
            figure.append(Part(limb([hip, knee, foot], [thick * 1.8, thick, thick * 0.75]), hoof))
            figure.append(
                Part(blob((x, thick * 0.45, end + step + thick * 0.4), (thick, thick * 0.5, thick * 1.3)), hoof)
            )
    return figure


def _seated_legs(girth: float, thick: float, chest: np.ndarray, coat: Paint) -> list[Part]:
    x, z = girth * 0.5, chest[2] + girth * 0.4
    front = Part(
        limb([(x, chest[1], z - 0.05), (x, chest[1] / 2, z), (x, thick * 0.6, z)], [thick * 1.5, thick, thick]), coat
    )
    paw = Part(blob((x, thick * 0.45, z + thick * 0.6), (thick, thick * 0.5, thick * 1.5)), coat)
    thigh = Part(blob((girth * 0.7, girth * 0.75, -0.1), (girth * 0.45, girth * 0.75, girth)), coat)
    foot = Part(blob((girth * 0.85, thick * 0.5, 0.1), (thick, thick * 0.55, thick * 2.2)), coat)
    return [each for part in (front, paw, thigh, foot) for each in both(part)]


def _head(build: Build, size: float, at: np.ndarray, coat: Paint, rng: Random) -> list[Part]:
    x, y, z = (float(c) for c in at)
    snout = build.snout
    light = rng.uniform() < 0.4
    muzzle = plain("eadfce") if light and build.extra != "trunk" else coat
    reach = z + size * 0.6 + snout * 0.45
    figure = [
        Part(blob((x, y, z), (size * 0.9, size * 0.9, size)), coat),
        Part(blob((x, y - size * 0.3, reach), (size * 0.5, size * 0.42, snout * 0.75)), muzzle),
    ]
    if build.extra == "trunk":
        path = [(x, y - size * 0.2, reach), (x, y - size, reach + 0.15), (x, y - size * 2, reach + 0.1)]
        figure.append(Part(limb(path, [size * 0.4, size * 0.25, size * 0.16]), coat))
        tusk = Part(
            limb([(size * 0.4, y - 0.5 * size, reach - 0.05), (size * 0.45, y - size, reach + 0.2)], [0.04, 0.015]),
            WHITE,
        )
        figure += both(tusk)
    else:
        nose = plain(str(rng.choice(["17130f", "17130f", "8a4a48"])))
        figure.append(
            Part(blob((x, y - size * 0.2, reach + snout * 0.7), (size * 0.18, size * 0.14, size * 0.12)), nose)
        )
    eye = size * rng.uniform(0.13, 0.2)
    place = (size * 0.48, y + size * 0.25, z + size * 0.72)
    figure += both(Part(blob(place, (eye, eye, eye)), DARK))
    shine = (place[0] + eye * 0.3, place[1] + eye * 0.5, place[2] + eye * 0.75)
    figure += both(Part(blob(shine, (eye * 0.28, eye * 0.28, eye * 0.28)), WHITE))
    figure += both(Part(_ear(build, size, y, z), coat))
    return figure + _headgear(build, size, y, z, rng)


def _ear(build: Build, size: float, y: float, z: float) -> np.ndarray:
    e = build.ear
    if build.ears == "floppy":
        return limb(
            [(size * 0.6, y + size * 0.7, z), (size, y + size * 0.4, z), (size * 1.02, y - e, z)],
            [0.03, e * 0.5, e * 0.35],
            0.6,
        )
    if build.ears == "round":
        return blob((size * 0.7, y + size * 0.75, z), (e, e, e * 0.4))
    if build.ears == "side":
        return blob((size * 0.85 + e * 0.6, y + size * 0.45, z), (e * 0.8, e * 0.35, e * 0.3))
    if build.ears == "fan":
        return blob((size * 0.8 + e * 0.6, y, z - 0.05), (e * 0.75, e, 0.03))
    if build.ears == "long":
        return limb(
            [(size * 0.4, y + size * 0.6, z), (size * 0.5, y + e, z), (size * 0.55, y + e * 1.4, z - 0.05)],
            [0.045, 0.06, 0.035],
        )
    return limb([(size * 0.5, y + size * 0.5, z), (size * 0.62, y + size * 0.6 + e, z)], [e * 0.55, 0.005])


def _headgear(build: Build, size: float, y: float, z: float, rng: Random) -> list[Part]:
    horn = plain("d8ccb0")
    if build.extra == "horns":
        return both(
            Part(
                limb(
                    [(size * 0.4, y + size * 0.7, z), (size * 0.9, y + size * 1.1, z), (size * 0.9, y + size * 1.5, z)],
                    [0.035, 0.03, 0.008],
                ),
                horn,
            )
        )
    if build.extra == "antlers":
        beam = limb(
            [(size * 0.3, y + size * 0.7, z), (size * 1.4, y + size * 1.6, z - 0.1), (size * 1.5, y + size * 2.8, z)],
            [0.022, 0.02, 0.008],
        )
        tine = limb([(size * 1.3, y + size * 1.5, z - 0.08), (size * 1.2, y + size * 2.2, z + 0.12)], [0.018, 0.006])
        return [*both(Part(beam, plain("8a6a44"))), *both(Part(tine, plain("8a6a44")))]
    hair = plain(str(rng.choice(["2a1c14", "5a3a1e", "d8c8a0"])))
    if build.extra == "mane":
        return [
            Part(
                limb(
                    [(0, y + size, z), (0, y, z - size * 1.1), (0, y - size * 2.4, z - size * 2.2)],
                    [0.04, 0.075, 0.05],
                    0.5,
                ),
                hair,
            )
        ]
    if build.extra == "ruff":
        return [
            Part(
                blob((0, y - size * 0.1, z - size * 0.45), (size * 1.5, size * 1.55, size * 0.7)),
                parts.mottled(plain("7a4a20"), rng, 0.15),
            )
        ]
    return []
