"""Words for colours and materials, and what they look like."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

Pattern = Literal["plain", "grain", "veins", "speckle"]

COLORS = {
    "red": "cc2229", "scarlet": "d62a1e", "crimson": "a8122e", "maroon": "6e1423", "burgundy": "6b1230",
    "orange": "f07f1c", "yellow": "f3cb1f", "green": "2f9b40", "lime": "8fd016", "olive": "73752a",
    "turquoise": "28b8ac", "teal": "11807f", "cyan": "19bcd8", "blue": "2457c5", "navy": "1a2760",
    "purple": "7c34ac", "violet": "7636c9", "lilac": "b492da", "lavender": "b6a1e3", "magenta": "d0229a",
    "pink": "f079ac", "brown": "774824", "beige": "dcc7a0", "cream": "efe3c4", "black": "212124",
    "white": "f3f3f1", "gray": "8b8b8e", "grey": "8b8b8e",
}  # fmt: skip
MATERIALS: dict[str, tuple[str, Pattern, float]] = {
    "wood": ("a9723f", "grain", 1.0),
    "gold": ("dba42c", "plain", 1.5),
    "silver": ("b9bcc2", "plain", 1.6),
    "metal": ("92969c", "plain", 1.6),
    "bronze": ("94602d", "plain", 1.5),
    "copper": ("bd6a41", "plain", 1.5),
    "stone": ("938e85", "speckle", 1.1),
    "marble": ("e6e4e0", "veins", 1.0),
}
"""Colour, pattern, and how strongly light and shade show, by material."""
WORDS = {
    "wooden": "wood", "oak": "wood", "golden": "gold", "silvery": "silver", "metallic": "metal", "steel": "metal",
    "iron": "metal", "chrome": "metal", "brass": "gold", "concrete": "stone", "granite": "stone",
}  # fmt: skip
SHADES = {
    "dark": (0.72, 0.95), "deep": (0.80, 1.05), "light": (1.22, 0.75), "pale": (1.28, 0.55),
    "pastel": (1.25, 0.60), "bright": (1.06, 1.20), "vivid": (1.03, 1.25),
}  # fmt: skip
"""Factors of lightness and chroma."""


@dataclass(frozen=True)
class Look:
    """How a thing shall look."""

    name: str
    """In words, such as "dark green"."""
    color: str
    """sRGB, as six hexadecimal digits."""
    pattern: Pattern = "plain"
    contrast: float = 1.0
    """How strongly light and shade show."""
    lightness: float = 1.0
    """Factors of the colour's lightness and chroma."""
    chroma: float = 1.0

    @property
    def is_material(self) -> bool:
        """Whether it is that of a whole thing, and not only of its main parts."""
        return self.name.split()[-1] in MATERIALS


def read_look(words: Sequence[str]) -> tuple[Look | None, list[int]]:
    """The look that words ask for, and which of them say so; of several colours or materials the last one counts."""
    look: Look | None = None
    used: list[int] = []
    for index, word in enumerate(words):
        name = WORDS.get(word, word)
        if name in COLORS:
            look = Look(name, COLORS[name])
        elif name in MATERIALS:
            look = Look(name, *MATERIALS[name])
        else:
            continue
        used = [index]
        if index and (shade := SHADES.get(words[index - 1])):
            look = replace(look, name=f"{words[index - 1]} {name}", lightness=shade[0], chroma=shade[1])
            used = [index - 1, index]
    return look, used
