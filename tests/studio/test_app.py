"""Forms, images and files, as a client without a browser sends and gets them."""

import pytest

from dreamgaussian.config import from_json, to_json
from dreamgaussian.core.errors import ConfigError
from dreamgaussian.studio.messages import Message, unpack
from dreamgaussian.studio.server.forms import config_from_form
from dreamgaussian.studio.server.uploads import title_from
from dreamgaussian.studio.settings import StudioSettings


def upload(client, data=b"image", name="cat.png"):
    return client.post("/api/images", params={"name": name}, content=data)


def test_a_form_changes_its_preset():
    form = {"preset": "quick", "steps": 7, "seed": 3, "elevation_deg": -20, "background": "keep"}
    config = config_from_form(form, StudioSettings())
    assert (config.fit.steps, config.seed, config.subject.elevation_deg) == (7, 3, -20.0)
    assert config.mesh.resolution == config_from_form({"preset": "quick"}, StudioSettings()).mesh.resolution
    assert from_json(to_json(config)) == config


@pytest.mark.parametrize(
    ("form", "words"),
    [
        ({"preset": "fast"}, "No preset is called 'fast'"),
        ({"steps": "many"}, "fit.steps is 'many'"),
        ({"steps": 0}, "at least 1"),
        ({"steps": 10**6}, "more than this studio's 5000"),
        ({"seed": -1}, "The seed is -1"),
        ({"prior": "magic"}, "'magic'"),
        ({"elevation_deg": 100}, "from -90 to 90"),
        ({"prompt": "a" * 600}, "longer than 500"),
    ],
)
def test_a_form_that_cannot_be_is_answered_in_words(form, words):
    with pytest.raises(ConfigError, match=words):
        config_from_form(form, StudioSettings())


def test_a_form_reaches_no_other_setting(studio):
    config = config_from_form({"prior_path": "/etc", "device": "cuda:7"}, StudioSettings())
    assert (config.prior[0].path, config.device) == (None, "auto")


def test_a_run_needs_an_image_or_a_prompt(studio):
    answer = studio.post("/api/jobs", json={})
    assert answer.status_code == 400
    assert "neither an image nor a prompt" in answer.json()["error"]


def test_an_image_is_cut_out_and_starts_a_run(ann, settings):
    image = upload(ann.client).json()
    assert image["title"] == "cat"
    answer = ann.client.post(f"/api/images/{image['id']}/cutout", json={}).json()
    assert answer["crop"] == {"left": 0, "top": 0, "side": 8}
    assert answer["notes"] == ["The subject is cut off at the top."]
    assert ann.client.get(f"/api/images/{image['id']}/cutout").content == b"a cut-out"
    job = ann.client.post("/api/jobs", json={"image": image["id"]}).json()["id"]
    assert (settings.folder / job / "input").read_bytes() == b"image"


def test_images_are_their_owners(ann, bob):
    image = upload(ann.client).json()["id"]
    assert bob.client.post(f"/api/images/{image}/cutout", json={}).status_code == 404
    assert bob.client.post("/api/jobs", json={"image": image}).status_code == 404


def test_an_image_that_breaks_the_worker_is_told_of_and_the_next_one_is_cut_out(ann):
    bad, good = (upload(ann.client, data).json()["id"] for data in (b"crash", b"fine"))
    answer = ann.client.post(f"/api/images/{bad}/cutout", json={})
    assert answer.status_code == 400
    assert "code 1" in answer.json()["error"]
    assert ann.client.post(f"/api/images/{good}/cutout", json={}).status_code == 200


def test_an_image_that_is_too_large_is_not_kept(serve, settings):
    with serve(max_upload_mb=0.001) as client:
        answer = upload(client, bytes(2000))
        assert answer.status_code == 413
        assert "larger than 0.001 MB" in answer.json()["error"]
    assert list((settings.folder / "uploads").iterdir()) == []


@pytest.mark.parametrize(
    ("name", "title"),
    [
        ("../../etc/passwd", "passwd"),
        ("a\\b\\c.png", "c"),
        ("cat.tar.webp", "cat.tar"),
        ("\x00.png", "Image"),
        ("", "Image"),
    ],
)
def test_a_files_name_is_a_title_and_never_a_path(name, title):
    assert title_from(name) == title


@pytest.mark.parametrize(
    "name", ["studio.sqlite3", "../studio.sqlite3", "..%2Fstudio.sqlite3", "worker.log", "input", "%2Fetc%2Fpasswd"]
)
def test_no_other_file_can_be_read(ann, name):
    job = ann.start("a cup")
    ann.wait_for(job, "finished")
    assert ann.client.get(f"/api/jobs/{job}/files/gaussians.ply").content == b"ply"
    assert ann.client.get(f"/api/jobs/{job}/files/{name}").status_code in (404, 405)
    assert ann.client.get(f"/static/{name}").status_code == 404


def test_messages_come_out_as_they_went_in():
    message = Message({"kind": "splats", "step": 3}, b"12345")
    assert unpack(message.pack()) == message
    assert unpack(Message({"kind": "é"}).pack()).kind == "é"
