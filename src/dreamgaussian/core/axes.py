"""Which way is up, and which way the front faces, in files made elsewhere. No torch here."""

from dataclasses import dataclass
from typing import Literal

from dreamgaussian.core.errors import ConfigError

Axis = Literal["x+", "x-", "y+", "y-", "z+", "z-"]


@dataclass(frozen=True)
class Axes:
    """The directions of a file's frame; ours, and glTF's, are the defaults."""

    up: Axis = "y+"
    """Which axis points up in the file that is read (Blender, CAD: z+; COLMAP: y-)."""
    front: Axis = "z+"
    """Which axis its front faces (Blender: y-)."""

    def __post_init__(self) -> None:
        if self.up[0] == self.front[0]:
            raise ConfigError(
                f"up is {self.up} and front {self.front}: they lie along one axis. Blender's are --up z+ --front y-."
            )

    @property
    def rows(self) -> tuple[tuple[int, int, int], ...]:
        """The rotation that takes the file's points into our frame: the file's left, up and front."""
        up, front = _vector(self.up), _vector(self.front)
        left = tuple(up[i - 2] * front[i - 1] - up[i - 1] * front[i - 2] for i in range(3))
        return (left[0], left[1], left[2]), up, front


def _vector(axis: Axis) -> tuple[int, int, int]:
    sign = 1 if axis[1] == "+" else -1
    x, y, z = (sign * (axis[0] == letter) for letter in "xyz")
    return x, y, z
