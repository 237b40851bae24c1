import pytest

from dreamgaussian.text_to_image.words import BREAK, lemma, lemmas, noun_phrase, split_words


def test_words_are_lower_case_without_hyphens_and_possessives():
    assert split_words("A child's T-shirt, red") == ["a", "child", "t", "shirt", BREAK, "red"]


@pytest.mark.parametrize(
    ("word", "known"),
    [("cars", "car"), ("boxes", "box"), ("knives", "knife"), ("shelves", "shelf"), ("berries", "berry"),
     ("cookies", "cookie"), ("mice", "mouse"), ("glasses", "glasses"), ("scissor", "scissors"), ("bus", "bus")],
)  # fmt: skip
def test_a_word_is_brought_to_the_form_that_is_known(word, known):
    assert lemma(word, {known, "glass"} if known == "glasses" else {known}) == known


def test_an_unknown_word_stays_as_it_is():
    assert lemma("zorgs", {"car"}) == "zorgs"


def test_two_words_known_only_as_one_are_joined():
    assert lemmas(["arm", "chairs"], {"armchair", "chair"}) == ["armchair"]
    assert lemmas(["red", "chair"], {"chair"}) == ["red", "chair"]


@pytest.mark.parametrize(
    ("words", "thing"),
    [
        ("red chair with a cushion", "red chair"),
        ("photo of cat on mat", "cat"),
        ("pair of shoes", "shoes"),
        ("house made of wood", "house"),
        ("cup of coffee on table", "cup of coffee"),
        ("cup of tea", "cup"),
    ],
)
def test_the_noun_phrase_ends_where_something_is_said_about_the_thing(words, thing):
    _, phrase, _ = noun_phrase(words.split(), {("cup", "of", "coffee"), ("cup",)})
    assert phrase == thing.split()
