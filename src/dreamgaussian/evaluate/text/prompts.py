"""The text benchmark's prompts.

40 kinds of which the training set holds several objects; half of the prompts ask for a colour or material that no
object of the kind in the training set has, drawn and repainted ones among them (`color_names.py` names the colours that
cover at least 15 % of an object). Some objects of each kind, listed in `factory/kinds.py`, are not in the image
library: they stand for their kinds when assets are classified.
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class Prompt:
    """A prompt and what it asks for."""

    words: str
    kind: str
    colors: tuple[str, ...]
    """Colours of which one should be the commonest; empty where the prompt names none."""


PROMPTS = (
    Prompt("an orange vase", "vase", ("orange",)),
    Prompt("a yellow motor scooter", "motor scooter", ("yellow",)),
    Prompt("an iron railing", "railing", ()),
    Prompt("a purple chair", "chair", ("purple",)),
    Prompt("a drinking glass", "glass", ()),
    Prompt("a yellow bench", "bench", ("yellow",)),
    Prompt("a red radiator", "radiator", ("red",)),
    Prompt("a pink bicycle", "bicycle", ("pink",)),
    Prompt("a wooden refrigerator", "refrigerator", ("brown", "orange")),
    Prompt("a blue washbasin", "washbasin", ("blue",)),
    Prompt("a box", "box", ()),
    Prompt("a bowl", "bowl", ()),
    Prompt("a car", "car", ()),
    Prompt("a bunch of flowers", "flowers", ()),
    Prompt("a turquoise table lamp", "table lamp", ("turquoise",)),
    Prompt("a deck chair", "deck chair", ()),
    Prompt("a blue bookcase", "bookcase", ("blue",)),
    Prompt("an orange bed", "bed", ("orange",)),
    Prompt("a purple truck", "truck", ("purple",)),
    Prompt("a table", "table", ()),
    Prompt("a blue toilet", "toilet", ("blue",)),
    Prompt("a pendant lamp", "pendant lamp", ()),
    Prompt("a stool", "stool", ()),
    Prompt("a pair of shoes", "shoes", ()),
    Prompt("a column", "column", ()),
    Prompt("a blue bathtub", "bathtub", ("blue",)),
    Prompt("a pine tree", "pine tree", ()),
    Prompt("a television", "television", ()),
    Prompt("a potted plant", "potted plant", ()),
    Prompt("a green sofa", "sofa", ("green",)),
    Prompt("a golden cup", "cup", ("yellow", "orange")),
    Prompt("a street lamp", "street lamp", ()),
    Prompt("a red trash can", "trash can", ("red",)),
    Prompt("a palm tree", "palm tree", ()),
    Prompt("a bottle", "bottle", ()),
    Prompt("a red cabinet", "cabinet", ("red",)),
    Prompt("a rock", "rock", ()),
    Prompt("a blue desk", "desk", ("blue",)),
    Prompt("a green armchair", "armchair", ("green",)),
    Prompt("a washing machine", "washing machine", ()),
)
"""In a shuffled order, so that the first few are a fair sample."""
