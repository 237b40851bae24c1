"""Parts of figures: rounded solids, limbs and wheels, each painted by a function of the place on it."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np
from jaxtyping import Float, Float32
from scipy.interpolate import PchipInterpolator
from scipy.ndimage import zoom

from factory.objects import Material, Model
from factory.shapes import Grid, Random, revolve, roll_up, sweep

Places = Float[np.ndarray, "... 3"]
Paint = Callable[[Places], np.ndarray]
"""From places in the figure's frame to sRGB colours."""
ROWS, COLUMNS = 22, 24
MIRROR = np.array([-1.0, 1.0, 1.0])


@dataclass(frozen=True, eq=False)
class Part:
    """A rolled-up grid of points (`shapes.roll_up`) with its colours."""

    grid: Grid
    paint: Paint

    def model(self, side: int) -> Model:
        """The part with a texture of `side` x `side`."""
        n, m = self.grid.shape[:2]
        places = np.asarray(zoom(self.grid, (side / n, side / m, 1), order=1))[::-1]
        rgb = np.clip(self.paint(places), 0, 1)
        texture = np.dstack([rgb, np.ones(rgb.shape[:2])]).astype(np.float32)
        return replace(roll_up(self.grid, texture), materials=(Material(np.ones(3, dtype=np.float32), texture),))


def plain(color: str) -> Paint:
    """One colour, as hexadecimal sRGB."""
    rgb = srgb(color)
    return lambda places: np.broadcast_to(rgb, places.shape)


def srgb(color: str) -> Float32[np.ndarray, "3"]:
    """A hexadecimal colour, from 0 to 1."""
    return np.array(tuple(bytes.fromhex(color)), dtype=np.float32) / 255


def where(mask: Callable[[Places], np.ndarray], inside: Paint, outside: Paint) -> Paint:
    """One paint where the mask holds, and another elsewhere."""
    return lambda places: np.where(mask(places)[..., None], inside(places), outside(places))


def below(height: float, inside: Paint, outside: Paint) -> Paint:
    """A paint up to a height."""
    return where(lambda places: places[..., 1] < height, inside, outside)


def mottled(paint: Paint, rng: Random, strength: float = 0.07) -> Paint:
    """Uneven, as nature is."""
    noise = waves(rng, 9.0)
    return lambda places: paint(places) * (1 + strength * noise(places))[..., None]


def waves(rng: Random, frequency: float) -> Callable[[Places], np.ndarray]:
    """Smooth noise of about unit variance: plane waves of random directions."""
    directions = rng.normal(scale=frequency, size=(16, 3))
    phases = rng.uniform(0, 2 * np.pi, 16)
    return lambda places: np.cos(places @ directions.T + phases).mean(axis=-1) * np.sqrt(32)


def patched(first: Paint, second: Paint, rng: Random, frequency: float, share: float = 0.4) -> Paint:
    """Irregular patches of the second paint."""
    noise = waves(rng, frequency)
    level = 1 - 2 * share
    return where(lambda places: noise(places) > level, second, first)


def striped(first: Paint, second: Paint, rng: Random, repeats: float, axis: int = 2) -> Paint:
    """Wavering stripes across an axis."""
    noise = waves(rng, 3.0)
    return where(lambda places: np.sin(places[..., axis] * repeats + 0.7 * noise(places)) > 0.2, second, first)


def blob(center: tuple[float, float, float], radii: tuple[float, float, float], square: float = 0.0) -> Grid:
    """An ellipsoid with its poles above and below; towards `square` 1 it becomes a box."""
    power = 1 - 0.85 * square
    latitude, longitude = np.linspace(-np.pi / 2, np.pi / 2, ROWS), np.linspace(0, 2 * np.pi, COLUMNS + 1) + np.pi / 4
    ring, height = _bent(np.cos(latitude), power), _bent(np.sin(latitude), power)
    x = ring[:, None] * _bent(np.sin(longitude), power)
    z = ring[:, None] * _bent(np.cos(longitude), power)
    y = np.broadcast_to(height[:, None], x.shape)
    return np.stack([x, y, z], axis=-1) * radii + np.array(center)


def _bent(wave: np.ndarray, power: float) -> np.ndarray:
    return np.sign(wave) * np.abs(wave) ** power


def limb(points: list[tuple[float, float, float]], radii: list[float], flat: float = 1.0) -> Grid:
    """A smooth tube through points, its ends round; `flat` scales it across, along x about its first point."""
    knots = np.array(points)
    # Points gather at the ends, where the tube closes.
    at = (1 - np.cos(np.linspace(0, np.pi, 2 * ROWS))) / 2
    path = PchipInterpolator(np.linspace(0, 1, len(points)), knots)(at)
    thick = PchipInterpolator(np.linspace(0, 1, len(radii)), np.array(radii))(at)
    gone = np.concatenate([[0], np.cumsum(np.linalg.norm(np.diff(path, axis=0), axis=1))])
    for left, radius in ((gone, radii[0]), (gone[-1] - gone, radii[-1])):
        thick = thick * np.sqrt(1 - np.clip(1 - left / radius, 0, 1) ** 2)
    return (sweep(path, thick) - knots[0]) * [flat, 1, 1] + knots[0]


def disc(center: tuple[float, float, float], radius: float, width: float) -> Grid:
    """A cylinder with rounded edges that lies on its side, its axis along x: a wheel."""
    profile = np.array([[0, -1], [0.8, -1], [1, -0.7], [1, 0.7], [0.8, 1], [0, 1]]) * [radius, width / 2]
    fine = np.concatenate([np.linspace(a, b, 5) for a, b in pairwise(profile)])
    return revolve(fine, COLUMNS)[..., [1, 0, 2]] + np.array(center)


def turned(profile: list[tuple[float, float]], center: tuple[float, float, float] = (0, 0, 0)) -> Grid:
    """A solid turned round the y axis, through radii and heights joined by straight lines."""
    points = np.array(profile, dtype=np.float64)
    fine = np.concatenate([np.linspace(a, b, 6) for a, b in pairwise(points)])
    return revolve(fine, COLUMNS) + np.array(center)


def loft(stations: list[tuple[float, float, float, float]], square: float = 0.7) -> Grid:
    """A hull along z through sections (z, half width, low, high), closed at both ends."""
    table = np.array(stations)
    at = np.linspace(0, 1, 2 * ROWS)
    sections = np.stack([np.interp(at, np.linspace(0, 1, len(table)), column) for column in table.T], axis=1)
    angles = np.linspace(0, 2 * np.pi, 2 * COLUMNS + 1)
    x, y = _bent(np.cos(angles), 1 - 0.85 * square), _bent(np.sin(angles), 1 - 0.85 * square)
    z, width, low, high = (sections[:, i : i + 1] for i in range(4))
    shape = (len(at), len(angles))
    body = np.stack([x * width, (low + high) / 2 + y * (high - low) / 2, np.broadcast_to(z, shape)], axis=-1)
    ends = [np.broadcast_to(body[i].mean(axis=0), body[i].shape)[None] for i in (0, -1)]
    return np.concatenate([ends[0], body, ends[1]])


def both(part: Part) -> list[Part]:
    """A part, and its mirror image on the other side."""
    return [part, Part(part.grid * MIRROR, part.paint)]
