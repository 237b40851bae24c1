"""Reading a prompt: its words, what it names, and what it says about that. Small tables, no network."""

import re
from collections.abc import Collection, Sequence

BREAK = ","
"""Stands for punctuation."""
BREAKS = frozenset(
    (
        *(
            BREAK,
            "of",
            "with",
            "without",
            "on",
            "in",
            "under",
            "over",
            "above",
            "behind",
            "beside",
            "from",
            "for",
            "by",
        ),
        *("at", "near", "next", "to", "into", "inside", "that", "which", "who", "whose", "made", "and", "or"),
        *("holding", "wearing", "standing", "sitting", "lying", "having", "is", "are"),
    )
)
"""Words that end the noun phrase whose last noun is the thing asked for."""
FILLERS = frozenset(("a", "an", "the", "one", "some", "my", "your", "his", "her", "its", "this", "very", "really"))
"""Words that say nothing about the thing."""
FRAMES = frozenset(
    (
        *("photo", "photograph", "picture", "image", "render", "rendering", "drawing", "illustration", "model"),
        *("sculpture", "statue", "scan", "view"),
    )
)
"""What "... of" introduces the thing with."""
MEASURES = frozenset(("pair", "piece", "slice", "bunch", "set", "group", "couple", "pile", "stack", "kind", "type"))
"""What "... of" counts the thing with."""
GENERIC = frozenset(
    (
        *("toy", "model", "figure", "figurine", "statue", "sculpture", "miniature", "replica", "object", "thing"),
        *("icon", "asset"),
    )
)
"""Nouns that may follow the thing's own: a rocking horse toy is a rocking horse."""
IRREGULAR = {
    "mice": "mouse", "geese": "goose", "teeth": "tooth", "feet": "foot", "children": "child", "oxen": "ox",
}  # fmt: skip
OTHER_THINGS = frozenset(
    (
        *("hot dog", "teddy bear", "sea horse", "star fish", "guinea pig", "prairie dog", "light house", "green house"),
        *("bird house", "wheel chair", "cup cake", "rice cake", "horse shoe", "snow ball", "basket ball", "tea pot"),
        *("polar bear", "fire place", "car park", "cat fish", "dog fish", "gold fish", "sword fish", "bell tower"),
    )
)
"""Compounds that are not what their last word says."""


def split_words(text: str) -> list[str]:
    """Lower-case words, with `BREAK` for punctuation; hyphens part words and possessives are dropped.

    >>> split_words("A child's T-shirt, red.")
    ['a', 'child', 't', 'shirt', ',', 'red', ',']
    """
    plain = re.sub(r"['’]s?\b", "", text.lower())
    return [word if word.isalnum() else BREAK for word in re.findall(r"\w+|[^\w\s-]", plain)]


def lemma(word: str, vocabulary: Collection[str]) -> str:
    """The form of a word that the vocabulary has: itself, or its singular; itself where it has neither."""
    singulars = [word.removesuffix("s"), word.removesuffix("es")]
    if word.endswith("ves"):
        singulars += [word[:-3] + "f", word[:-3] + "fe"]
    if word.endswith("ies"):
        singulars += [word[:-3] + "y"]
    forms = (word, IRREGULAR.get(word, word), *singulars, f"{word}s")
    return next((form for form in forms if form in vocabulary), word)


def lemmas(words: Sequence[str], vocabulary: Collection[str]) -> list[str]:
    """All words as the vocabulary has them; two that it only knows as one are joined: arm chair, armchair."""
    joined: list[str] = []
    for word in words:
        form = lemma(word, vocabulary)
        pair = lemma(joined[-1] + word, vocabulary) if joined else ""
        if joined and form not in BREAKS and pair in vocabulary and len(pair) > 5:
            joined[-1] = pair
        else:
            joined.append(form)
    return joined


def noun_phrase(words: Sequence[str], names: Collection[tuple[str, ...]]) -> tuple[list[str], list[str], list[str]]:
    """What introduces the thing ("photo of", "pair of"), the words up to its noun, and those after it.

    A name that has such a word itself, as "cup of coffee", is not broken.
    """
    rest = list(words)
    start = 0
    if "of" in rest[1:] and rest[rest.index("of") - 1] in FRAMES | MEASURES:
        start = rest.index("of") + 1
    while start < len(rest) and rest[start] in BREAKS:
        start += 1
    end = start
    while end < len(rest) and rest[end] not in BREAKS:
        end += 1
    for name in (name for name in names if BREAKS & set(name)):
        for first in range(end):
            last = first + len(name)
            if tuple(rest[first:last]) == name:
                start, end = min(start, first), max(end, last)
    return rest[:start], rest[start:end], rest[end:]
