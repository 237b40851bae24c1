"""From a prompt to the entries of an image library that it names."""

import difflib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from dreamgaussian.core.errors import InputError
from dreamgaussian.text_to_image.attributes import COLORS, MATERIALS, SHADES, WORDS, Look, read_look
from dreamgaussian.text_to_image.words import (
    BREAK,
    BREAKS,
    FILLERS,
    GENERIC,
    OTHER_THINGS,
    lemmas,
    noun_phrase,
    split_words,
)

HEAD_WEIGHT = 3
"""Of the thing's name in the score, against 1 for every other word."""
SUGGESTIONS = 5

Name = tuple[str, ...]


@dataclass(frozen=True)
class Reading:
    """What was understood of a prompt."""

    kind: str
    """The name that was found."""
    choices: tuple[int, ...]
    """The entries that it fits equally well."""
    look: Look | None
    """Colour or material asked for."""
    ignored: tuple[str, ...]
    """Words of which nothing was made."""
    score: float
    """Share of the prompt that was understood, in (0, 1]; the thing's name counts three times."""


def read_prompt(prompt: str, entries: Sequence[Sequence[str]]) -> Reading:
    """The entries, given by their names with the most usual one first, that a prompt asks for, and the look.

    The last noun decides; a longer name beats a shorter one; an entry whose first name was said beats others.
    Raises InputError where nothing has the name, with names that come close.
    """
    names = _index(entries)
    vocabulary = {word for name in names for word in name} | {*COLORS, *MATERIALS, *WORDS, *SHADES}
    words = [word for word in lemmas(split_words(prompt), vocabulary) if word not in FILLERS]
    frame, phrase, rest = noun_phrase(_joined_looks(words), names)
    span = _find(phrase, names)
    if span is None:
        raise InputError(_nothing(phrase, prompt, names))
    name = tuple(phrase[slice(*span)])
    look, used = read_look(phrase[: span[0]])
    if look is None:
        look, _ = read_look(frame)
    left = [word for index, word in enumerate(phrase) if not span[0] <= index < span[1] and index not in used]
    if look is None:
        look, rest = _look_after(rest)
    choices, fitting = _narrow(names[name], left, entries)
    ignored = [word for word in [*left, *rest] if word not in BREAKS | FILLERS | fitting]
    understood = HEAD_WEIGHT + (look is not None) + len(fitting)
    return Reading(" ".join(name), choices, look, tuple(ignored), understood / (understood + len(ignored)))


def _index(entries: Sequence[Sequence[str]]) -> dict[Name, dict[int, int]]:
    """By every name the entries that have it, and where in their lists."""
    found: dict[Name, dict[int, int]] = {}
    for index, names in enumerate(entries):
        for place, name in enumerate(names):
            found.setdefault(tuple(split_words(name)), {})[index] = place
    return found


def _joined_looks(words: Sequence[str]) -> list[str]:
    """Without the "and" between two colours, which would end the noun phrase."""
    looks = {*COLORS, *MATERIALS, *WORDS, *SHADES}
    inner = zip(("", *words[:-1]), words, (*words[1:], ""), strict=True)
    return [word for before, word, after in inner if not (word == "and" and before in looks and after in looks)]


def _find(phrase: Sequence[str], names: Mapping[Name, object]) -> tuple[int, int] | None:
    """Where the longest name ends with the phrase's last noun."""
    for end in range(len(phrase), 0, -1):
        for start in range(end):
            if tuple(phrase[start:end]) in names:
                is_other = start > 0 and " ".join(phrase[start - 1 : end]) in OTHER_THINGS
                return None if is_other else (start, end)
        if phrase[end - 1] not in GENERIC:
            return None
    return None


def _look_after(rest: Sequence[str]) -> tuple[Look | None, list[str]]:
    """The look in "... made of gold" or "... in dark green", and the words that are left."""
    start = 0
    while start < len(rest) and rest[start] in {"made", "out", "of", "from", "in", BREAK}:
        start += 1
    end = start
    while end < len(rest) and rest[end] not in BREAKS:
        end += 1
    look, used = read_look(rest[start:end]) if start else (None, [])
    if look is None or len(used) < end - start:
        return None, list(rest)
    return look, list(rest[end:])


def _narrow(
    places: Mapping[int, int], modifiers: Sequence[str], entries: Sequence[Sequence[str]]
) -> tuple[tuple[int, ...], set[str]]:
    """Of the entries that have a name those that the modifiers fit best, and the modifiers that fit."""
    said = {
        index: {word for word in modifiers if any(word in split_words(name) for name in entries[index])}
        for index in places
    }
    best = max(len(fitting) for fitting in said.values())
    fitting = [index for index in places if len(said[index]) == best]
    usual = min(places[index] > 0 for index in fitting)
    choices = tuple(index for index in fitting if (places[index] > 0) == usual)
    return choices, said[choices[0]]


def _nothing(phrase: Sequence[str], prompt: str, names: Mapping[Name, object]) -> str:
    known = sorted((" ".join(name) for name in names), key=len)
    wanted = [word for word in phrase if word not in GENERIC]
    close = [name for name in known if wanted and wanted[-1] in name.split()]
    close += difflib.get_close_matches(" ".join(wanted[-2:]), known, n=SUGGESTIONS, cutoff=0.7)
    close += difflib.get_close_matches(wanted[-1] if wanted else "", known, n=SUGGESTIONS, cutoff=0.7)
    close += [name for name in known if set(name.split()) & set(wanted)]
    listed = ", ".join(list(dict.fromkeys(close))[:SUGGESTIONS])
    return (
        f"The image library has no {' '.join(phrase) or prompt!r} among its {len(known)} names"
        f"{f'; close ones are {listed}' if listed else ''}. Name another thing, give an image of it "
        "instead, or let a network from the hub go by the words (docs/text.md)."
    )
