import io
import zipfile

import numpy as np
import pytest
import torch
from PIL import Image

from dreamgaussian.core.errors import WeightsUnavailable
from dreamgaussian.evaluate.dataset import read_index
from dreamgaussian.text_to_image.library import LibraryEntry, open_library, shipped_library, write_library
from factory.emoji import RESERVED
from factory.library import read_names

MAX_BYTES = 5_500_000


def test_the_shipped_library_is_small_and_holds_what_is_listed():
    library = open_library()
    assert shipped_library().stat().st_size <= MAX_BYTES
    assert {entry.key: entry.names for entry in library.entries} == read_names()
    assert all(entry.creator and entry.licence in {"CC0 1.0", "CC-BY 3.0", "MIT"} for entry in library.entries)


def test_no_benchmark_object_and_no_reserved_emoji_is_in_the_library():
    names = read_names()
    assert not names.keys() & {entry.key for entry in read_index()}
    import unicodedata

    emoji = [chr(int(key.rsplit("-", 1)[1], 16)) for key in names if key.startswith("Fluent-emoji-")]
    assert len(emoji) > 300
    assert not {unicodedata.name(each).lower() for each in emoji} & RESERVED


def test_every_creator_is_credited_in_the_card():
    card = shipped_library().with_suffix(".md").read_text(encoding="utf-8")
    assert all(entry.creator in card for entry in open_library().entries)


def test_words_become_a_recoloured_cut_out_with_its_facts():
    library = open_library()
    generated = library("a red armchair", "", torch.Generator().manual_seed(0))
    assert generated.metadata["kind"] == "armchair"
    assert generated.metadata["look"] == "red"
    assert generated.elevation_deg == 15
    rgba = generated.image.rgba
    assert generated.image.is_cut_out
    red, green, blue = rgba[rgba[..., 3] > 0.9][:, :3].mean(axis=0)
    assert red > 2 * max(green, blue)


def test_an_armchair_is_shown_from_four_sides_in_one_look_and_an_emoji_from_the_front():
    library = open_library()
    armchair = library("a green armchair", "", torch.Generator().manual_seed(0))
    assert [each.angles_deg for each in armchair.further] == [(90, 15), (180, 15), (270, 15)]
    for each in armchair.further:
        assert each.image.is_cut_out
        red, green, blue = each.image.rgba[each.image.rgba[..., 3] > 0.9][:, :3].mean(axis=0)
        assert green > 1.5 * max(red, blue)
    assert library("a chestnut", "", torch.Generator().manual_seed(0)).further == ()


def test_of_equals_those_shown_from_all_sides_are_chosen():
    library = open_library()
    dogs = [library.entries[index] for index in library.read("a dog").choices]
    assert {len(entry.azimuths_deg) for entry in dogs} == {1, 4}
    for seed in range(6):
        assert len(library("a dog", "", torch.Generator().manual_seed(seed)).metadata["azimuths_deg"]) == 4


def test_the_generator_chooses_among_equals():
    library = open_library()
    chosen = [library("a chair", "", torch.Generator().manual_seed(seed)).metadata["entry"] for seed in range(12)]
    assert len(set(chosen)) > 2
    assert chosen[3] == library("a chair", "", torch.Generator().manual_seed(3)).metadata["entry"]


def test_a_written_library_reads_back_and_its_bytes_repeat(tmp_path):
    buffer = io.BytesIO()
    Image.fromarray(np.full((20, 40, 4), 255, dtype=np.uint8)).save(buffer, "WEBP", lossless=True)
    entry = LibraryEntry("one", ("thing", "object"), 5.0, (0.0, 180.0), "Somebody", "MIT")
    for name in ("a.zip", "b.zip"):
        write_library(tmp_path / name, [entry], {"one": buffer.getvalue()})
    assert (tmp_path / "a.zip").read_bytes() == (tmp_path / "b.zip").read_bytes()
    library = open_library(tmp_path / "a.zip")
    assert library.entries == (entry,)
    assert library.images(entry).shape == (2, 20, 20, 4)
    assert (library.images(entry) == 1).all()


def test_a_broken_library_is_an_error_in_words(tmp_path):
    with zipfile.ZipFile(tmp_path / "empty.zip", "w"):
        pass
    for path in (tmp_path / "empty.zip", tmp_path / "none.zip"):
        with pytest.raises(WeightsUnavailable, match="cannot be read"):
            open_library(path)
