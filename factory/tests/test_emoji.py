from pathlib import Path

import numpy as np
import pytest

from dreamgaussian.core.errors import ConfigError
from factory import emoji
from factory.emoji import back_colors, solid

SIDE = 64
ROWS, COLUMNS = np.mgrid[:SIDE, :SIDE] + 0.5 - SIDE / 2
DISC = np.hypot(ROWS, COLUMNS) < 24
FACE = np.hypot(ROWS, COLUMNS) < 10


def picture() -> np.ndarray:
    """A yellow disc with a black spot in its middle."""
    rgb = np.where(FACE[..., None], 0.0, np.array([1.0, 0.8, 0.1]))
    return np.dstack([rgb * DISC[..., None], DISC]).astype(np.float32)


@pytest.mark.parametrize("thickness", [1.0, 0.3])
def test_a_disc_becomes_a_ball_as_thick_as_asked(thickness: float) -> None:
    model = solid(picture(), thickness, 2.0)
    wide, high, deep = np.ptp(model.vertices, axis=0)
    assert wide == pytest.approx(high)
    assert deep == pytest.approx(thickness * wide, rel=0.06)


def test_the_solid_is_closed_and_faces_outwards() -> None:
    model = solid(picture(), 1.0, 2.0)
    a, b, c = (model.vertices[model.faces[:, corner]] for corner in range(3))
    volume = (np.cross(a, b) * c).sum() / 6
    radius = np.ptp(model.vertices[:, 0]) / 2
    assert volume == pytest.approx(4 / 3 * np.pi * radius**3, rel=0.1)


def test_a_boxy_solid_has_more_of_its_depth_to_the_sides() -> None:
    round_one, boxy = (solid(picture(), 1.0, exponent).vertices for exponent in (2.0, 8.0))
    assert np.abs(boxy[:, 2]).max() == pytest.approx(np.abs(round_one[:, 2]).max(), rel=0.02)
    assert np.abs(boxy[:, 2]).mean() > 1.1 * np.abs(round_one[:, 2]).mean()


def test_the_back_takes_the_colours_of_the_rim() -> None:
    rgba = picture()
    back = back_colors(rgba[..., :3], DISC)
    assert back[FACE].min(axis=0) == pytest.approx([1.0, 0.8, 0.1], abs=0.02)


def test_without_npm_the_package_can_be_given_by_hand(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    with pytest.raises(ConfigError, match=r"no npm here.*npm pack .*--emoji"):
        emoji.fetch(tmp_path)


def test_a_broken_package_is_refused_by_name(tmp_path: Path) -> None:
    (tmp_path / "broken.tgz").write_bytes(b"no archive")
    with pytest.raises(ConfigError, match=r"broken\.tgz cannot be read"):
        emoji.read_emoji(tmp_path / "broken.tgz", tmp_path)
