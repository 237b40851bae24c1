"""What vehicles are made of: wheels, windows and lacquer."""

import numpy as np

from factory.figures import parts
from factory.figures.parts import Paint, Part, both, disc, plain
from factory.shapes import Random

GLASS, RUBBER, CHROME, LAMP = plain("20303c"), plain("1c1c1e"), plain("b8bcc0"), plain("f8f0c0")
LACQUERS = (
    "c81e1e",
    "1e50b4",
    "e8c020",
    "f0f0ee",
    "1c1c20",
    "2c8c3c",
    "e87820",
    "8a9098",
    "50a8c8",
    "7a2030",
    "d8c8a0",
)


def lacquer(rng: Random) -> Paint:
    """Any of the colours."""
    return plain(str(rng.choice(LACQUERS)))


def wheel(x: float, y: float, z: float, radius: float, width: float, hub: Paint = CHROME) -> list[Part]:
    """A pair, each with a hub."""
    rim = parts.where(lambda p: np.hypot(p[..., 1] - y, p[..., 2] - z) < 0.62 * radius, hub, RUBBER)
    return both(Part(disc((x, y, z), radius, width), rim))


def windows(low: float, high: float, body: Paint, pillars: tuple[float, ...] = (), ends: float = 9.0) -> Paint:
    """Glass between two heights, but for pillars at places along z and all that lies beyond `ends`."""

    def mask(places: np.ndarray) -> np.ndarray:
        z = places[..., 2]
        glass = (places[..., 1] > low) & (places[..., 1] < high) & (np.abs(z) < ends)
        for pillar in pillars:
            glass &= np.abs(z - pillar) > 0.035
        return glass

    return parts.where(mask, GLASS, body)
