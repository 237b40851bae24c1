import pytest

from dreamgaussian.core.errors import InputError
from dreamgaussian.text_to_image.matching import read_prompt

ENTRIES = (
    ("chair", "wooden chair"),
    ("chair",),
    ("office chair", "chair"),
    ("toy car", "model car"),
    ("car",),
    ("dog", "puppy"),
    ("doghouse", "dog house"),
    ("orange", "tangerine"),
    ("vase", "urn"),
    ("cup of coffee", "cup"),
)


@pytest.mark.parametrize(
    ("prompt", "kind", "choices"),
    [
        ("a chair", "chair", (0, 1)),
        ("two chairs", "chair", (0, 1)),
        ("an office chair", "office chair", (2,)),
        ("a toy car", "toy car", (3,)),
        ("a car", "car", (4,)),
        ("a car toy", "car", (4,)),
        ("a dog house", "doghouse", (6,)),
        ("puppies", "puppy", (5,)),
        ("a dog in a dog house", "dog", (5,)),
        ("a cup of coffee", "cup of coffee", (9,)),
    ],
)
def test_the_last_noun_and_the_longest_name_decide(prompt, kind, choices):
    reading = read_prompt(prompt, ENTRIES)
    assert (reading.kind, reading.choices) == (kind, choices)


@pytest.mark.parametrize(
    ("prompt", "look"),
    [
        ("a red vase", "red"),
        ("a dark green vase", "dark green"),
        ("a vase made of gold", "gold"),
        ("a vase in light blue", "light blue"),
        ("a marble statue of a dog", "marble"),
        ("an orange orange", "orange"),
        ("an orange", None),
        ("a vase with red flowers", None),
    ],
)
def test_colours_and_materials_of_the_thing_itself_are_its_look(prompt, look):
    found = read_prompt(prompt, ENTRIES).look
    assert (found and found.name) == look


def test_words_that_narrow_the_choice_are_preferred():
    assert read_prompt("a wooden red chair", ENTRIES).choices == (0,)


def test_what_is_ignored_is_said_and_lowers_the_score():
    reading = read_prompt("a chinese vase with red flowers", ENTRIES)
    assert reading.ignored == ("chinese", "red", "flowers")
    assert reading.score == 0.5
    assert read_prompt("a red vase", ENTRIES).score == 1


@pytest.mark.parametrize(
    ("prompt", "message"),
    [
        ("a car park", "has no 'car park' among its 16 names; close ones are car"),
        ("a hot dog", "has no 'hot dog' among its 16 names; close ones are dog, dog house"),
        ("a vaze", "close ones are vase"),
        ("red", "has no 'red'"),
        ("!?", r"has no '!\?'"),
    ],
)
def test_what_nothing_matches_is_an_error_that_names_what_comes_close(prompt, message):
    with pytest.raises(InputError, match=message):
        read_prompt(prompt, ENTRIES)
