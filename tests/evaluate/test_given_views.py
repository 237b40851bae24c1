from pathlib import Path

import pytest

from dreamgaussian.evaluate.benchmark import scored_views
from dreamgaussian.evaluate.dataset import read_index, read_object
from dreamgaussian.evaluate.given_views import given_views, posed_images, write_views
from dreamgaussian.evaluate.settings import EvalSettings
from dreamgaussian.inputs.settings import SubjectSettings
from dreamgaussian.inputs.subject import subject_from_image

ENTRY = read_index()[0]


def test_the_given_views_are_the_nearest_to_the_sides():
    assert given_views(ENTRY, 1) == []
    assert [ENTRY.views_deg[index] for index in given_views(ENTRY, 2)] == [(191.25, 18.7)]
    azimuths = [ENTRY.views_deg[index][0] for index in given_views(ENTRY, 4)]
    assert azimuths == pytest.approx([90, 180, 270], abs=12)


def test_given_views_are_scored_in_no_variant():
    given = given_views(ENTRY, 4)
    assert len(given) == 3
    scored = scored_views(ENTRY, EvalSettings(images=(1, 2, 4)))
    assert sorted([*scored, *given]) == list(range(16))
    assert scored_views(ENTRY, EvalSettings()) == list(range(16))
    few = scored_views(ENTRY, EvalSettings(images=(4,), views=5))
    assert len(few) == 5
    assert not set(few) & set(given)


def test_the_given_views_lie_in_the_frame_of_the_truth(tmp_path: Path):
    subject = read_object(ENTRY)
    posed = posed_images(ENTRY, 4, tmp_path)
    write_views(subject, posed)
    (tmp_path / "input.webp").write_bytes(subject.input_webp)
    settings = SubjectSettings("keep", ENTRY.elevation_deg, image_size=256, views=posed, framing="shared")
    views = subject_from_image(tmp_path / "input.webp", settings).views[1:]
    for view, index in zip(views, given_views(ENTRY, 4), strict=True):
        assert (view.image[..., 3] - subject.views[index][..., 3]).abs().mean() < 0.01
