from dataclasses import replace
from pathlib import Path

import pytest

from dreamgaussian.core.errors import WeightsUnavailable
from dreamgaussian.priors.hub import Folder, locate
from dreamgaussian.priors.published import Published, published
from priors.hub_server import Hub, running
from priors.tiny_checkpoints import write_flux, write_stable_diffusion

NOWHERE = "http://127.0.0.1:9"  # the discard port: nobody listens


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    folder = write_stable_diffusion(tmp_path_factory.mktemp("sd"))
    (folder / "unet/mv_unet.py").write_text("raise SystemExit('code of the hub was run')")
    (folder / "unet/diffusion_pytorch_model.bin").write_bytes(b"\x80")
    return folder


pytestmark = pytest.mark.usefixtures("hub_cache")


def needs(*ids: str) -> Published:
    """Stable Diffusion, from these ids."""
    return replace(published("stable-diffusion"), ids=ids)


def refusal(facts: Published, path: str | None = None, endpoint: str | None = NOWHERE) -> str:
    """The one line that a user gets."""
    with pytest.raises(WeightsUnavailable) as error:
        locate(facts, path, endpoint).fetch()
    assert "\n" not in str(error.value)
    return str(error.value)


def test_a_folder_needs_no_hub(folder):
    located = locate(needs("a/first"), str(folder), NOWHERE)
    assert located.source == Folder(folder)
    assert located.weights["unet"].files == ("unet/diffusion_pytorch_model.safetensors",)
    assert located.sizes["tokenizer/merges.txt"] == (folder / "tokenizer/merges.txt").stat().st_size


def test_a_file_in_parts_needs_all_of_them(tmp_path):
    folder = write_flux(tmp_path / "flux")
    parts = [f"transformer/diffusion_pytorch_model-0000{i}-of-00002.safetensors" for i in (1, 2)]
    index = "transformer/diffusion_pytorch_model.safetensors.index.json"
    assert locate(published("flux-schnell"), str(folder)).weights["transformer"].files == (*parts, index)
    (folder / parts[0]).unlink()
    assert "it lacks transformer/." in refusal(published("flux-schnell"), str(folder))


def test_the_first_mirror_that_has_the_files_is_taken(folder, tmp_path):
    (tmp_path / "empty").mkdir()
    with running(Hub({"b/incomplete": tmp_path / "empty", "c/whole": folder, "d/too": folder})) as hub:
        located = locate(needs("a/vanished", "b/incomplete", "c/whole", "d/too"), None, hub.endpoint)
        assert located.source.name == "c/whole"
        fetched = located.fetch()
    for file in located.sizes:
        assert (fetched / file).read_bytes() == (folder / file).read_bytes()


def test_neither_code_nor_pickles_nor_unneeded_files_are_fetched(folder):
    with running(Hub({"a/first": folder})) as hub:
        locate(needs("a/first"), None, hub.endpoint).fetch()
    assert not [path for path in hub.requests if path.endswith((".py", ".bin"))]


def test_what_was_downloaded_is_found_without_a_network(folder):
    with running(Hub({"a/first": folder})) as hub:
        locate(needs("a/first"), None, hub.endpoint).fetch()
    located = locate(needs("b/other", "a/first"), None, NOWHERE)
    assert isinstance(located.source, Folder)
    assert all((located.fetch() / file).is_file() for file in located.sizes)


def test_vanished_ids_are_named_with_the_way_out(folder):
    with running(Hub()) as hub:
        message = refusal(needs("a/first", "b/second"), None, hub.endpoint)
    gone = "no such repository: it was deleted, renamed or made private"
    assert f"Tried a/first ({gone}), b/second ({gone})." in message
    assert "--prior-path" in message


def test_no_network_is_named_with_every_id():
    message = refusal(needs("a/first", "b/second"))
    assert "The files of stable-diffusion are not to be had." in message
    assert "a/first (no connection" in message
    assert "b/second (no connection" in message


def test_offline_mode_is_named(monkeypatch):
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    assert "a/first (HF_HUB_OFFLINE is set)" in refusal(needs("a/first"))


def test_a_gated_repository_says_what_to_do(folder):
    with running(Hub({"a/gated": folder}, gated={"a/gated"})) as hub:
        message = refusal(needs("a/gated"), None, hub.endpoint)
    assert "Tried a/gated (gated: accept its terms" in message


def test_the_next_mirror_stands_in_for_a_gated_one(folder):
    with running(Hub({"a/gated": folder, "b/open": folder}, gated={"a/gated"})) as hub:
        assert locate(needs("a/gated", "b/open"), None, hub.endpoint).source.name == "b/open"
        message = refusal(needs("a/gated", "b/vanished"), None, hub.endpoint)
    assert "a/gated (gated" in message
    assert "b/vanished (no such repository" in message


def test_the_next_mirror_stands_in_for_one_that_does_not_answer(folder, monkeypatch):
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_ETAG_TIMEOUT", 0.2)
    with running(Hub({"b/open": folder}, silent={"a/silent"})) as hub:
        assert locate(needs("a/silent", "b/open"), None, hub.endpoint).source.name == "b/open"
        message = refusal(needs("a/silent", "b/vanished"), None, hub.endpoint)
    assert "a/silent (no connection: ReadTimeout)" in message
    assert "b/vanished (no such repository" in message


def test_a_hub_id_given_by_hand_is_the_only_one_tried(folder):
    with running(Hub({"my/own": folder, "a/first": folder})) as hub:
        assert locate(needs("a/first"), "my/own", hub.endpoint).source.name == "my/own"
        assert "a/first" not in refusal(needs("a/first"), "my/missing", hub.endpoint)


@pytest.mark.parametrize("path", ["/no/such/folder", "./nowhere/here", "nothing"])
def test_a_path_that_is_not_there_is_named(path):
    message = refusal(needs("a/first"), path)
    assert f"--prior-path {path} is neither a folder, nor a file of weights, nor a hub id" in message
    assert "unet, vae, text_encoder" in message


def test_an_id_that_cannot_be_one_is_named():
    assert "my models/x y (not a valid id)" in refusal(needs("a/first"), "my models/x y")


def test_a_folder_that_lacks_a_network_is_refused(tmp_path):
    assert "it lacks unet/, vae/, text_encoder/, scheduler/" in refusal(needs("a/first"), str(tmp_path))
