import numpy as np

from dreamgaussian.core.errors import InputError
from dreamgaussian.evaluate.text.color_names import PALETTE, color_names
from dreamgaussian.evaluate.text.prompts import PROMPTS
from dreamgaussian.text_to_image.library import open_library
from factory.kinds import APART, apart_keys


def test_there_are_40_kinds_and_half_of_the_prompts_ask_for_a_colour():
    assert len(PROMPTS) == 40
    assert {prompt.kind for prompt in PROMPTS} == APART.keys()
    assert sum(bool(prompt.colors) for prompt in PROMPTS) == 20
    assert all(color in PALETTE for prompt in PROMPTS for color in prompt.colors)


def test_no_object_that_judges_is_in_the_library():
    apart = [key for kind in APART for key in apart_keys(kind)]
    assert len(apart) == len(set(apart)) >= 80
    assert not set(apart) & {entry.key for entry in open_library().entries}


def test_the_library_has_something_for_every_prompt_and_understands_its_colour():
    library = open_library()
    for prompt in PROMPTS:
        try:
            reading = library.read(prompt.words)
        except InputError as error:
            raise AssertionError(prompt.words) from error
        assert reading.ignored == (), prompt.words
        assert (reading.look is not None) == bool(prompt.colors), prompt.words


def test_nothing_of_the_kind_in_the_library_has_the_colour_that_is_asked_for():
    library = open_library()
    for prompt in PROMPTS:
        if prompt.colors:
            for entry in (library.entries[index] for index in library.read(prompt.words).choices):
                images = np.round(library.images(entry) * 255).astype(np.uint8)
                assert not set(color_names(images)) & set(prompt.colors), (prompt.words, entry.key)
