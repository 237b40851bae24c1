"""The page in a real browser: headless Chromium, driven by Playwright, with real runs."""

import json
import os
import re
import signal
import time
import zipfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import Browser, Page, expect
from pygltflib import GLTF2

from dreamgaussian.core.camera import Camera
from dreamgaussian.fitting.state import FitState
from dreamgaussian.formats import load, load_gaussians
from dreamgaussian.inputs.decoding import read_image
from dreamgaussian.raster.cpu import CpuRasterizer
from studio.browsing import PATIENCE, Site, cut_out, drop_image, in_browser, moved, start, state, view

pytestmark = in_browser


def test_a_dropped_image_grows_into_a_mesh_and_is_taken_home(page: Page, tmp_path: Path) -> None:
    drop_image(page)
    cut_out(page)
    start(page, 40)
    page.get_by_role("button", name="Pause").click()
    state(page, "paused")
    for fact in ("Step", "Gaussians", "Steps a second", "Left of this stage"):
        expect(page.locator("#numbers dt").get_by_text(fact, exact=True)).to_be_visible()
    expect(page.locator("#curve")).to_have_attribute("aria-label", re.compile(r"^Loss curve: .* of 40$"))
    before = view(page)
    page.get_by_role("button", name="Resume").click()
    expect(page.locator("#numbers")).to_contain_text("Mesh", timeout=PATIENCE)
    page.select_option("#left", "gaussians")
    after = view(page)
    assert moved(before, after)
    state(page, "finished")
    with page.expect_download() as download:
        page.get_by_role("button", name="Download mesh.glb").click()
    download.value.save_as(tmp_path / "mesh.glb")
    mesh = GLTF2().load(str(tmp_path / "mesh.glb"))
    assert mesh is not None
    assert mesh.accessors[mesh.meshes[0].primitives[0].indices].count > 3_000
    assert download.value.suggested_filename == "cactus-mesh.glb"


def test_the_page_draws_gaussians_as_our_rasteriser_does(page: Page, runs: Path) -> None:
    page.select_option("#left", "gaussians")
    page.click("#home")
    page.add_style_tag(content="#viewport { background: #fff !important }")
    shown = view(page)
    (ply,) = runs.glob("*/gaussians.ply")
    height, width = shown.shape[:2]
    render = CpuRasterizer().render(load_gaussians(ply), Camera.orbit(0, 0, (width, height)))
    expected = (render.color + 1 - render.alpha[..., None]).clamp(0, 1).numpy() * 255
    difference = np.abs(shown - expected)
    assert difference.mean() < 1.0
    assert np.abs(expected - 255).mean() > 10 * difference.mean()


@pytest.mark.parametrize("mode", ["depth", "alpha", "normals", "centres"])
def test_every_mode_shows_something_else(page: Page, mode: str) -> None:
    page.get_by_text("colour", exact=True).click()
    color = view(page)
    page.get_by_text(mode, exact=True).click()
    assert np.abs(view(page) - color).mean() > 1
    page.get_by_text("colour", exact=True).click()


def test_the_slider_shows_one_stage_beside_the_other(page: Page) -> None:
    page.select_option("#right", "final")
    page.locator("#slider").fill("100")
    gaussians = view(page)
    page.locator("#slider").fill("0")
    mesh = view(page)
    page.locator("#slider").fill("50")
    both, middle = view(page), gaussians.shape[1] // 2
    assert np.abs(both - gaussians)[60:, : middle - 4].mean() < 1
    assert np.abs(both - mesh)[60:, middle + 4 :].mean() < 1
    assert np.abs(gaussians - mesh).mean() > 3
    page.select_option("#right", "")


def test_the_view_turns_by_hand_and_by_keys(page: Page) -> None:
    front = view(page)
    page.locator("#canvas").press("ArrowRight")
    page.locator("#canvas").press("ArrowRight")
    assert np.abs(view(page) - front).mean() > 1
    page.locator("#canvas").press("0")
    assert np.abs(view(page) - front).mean() < 0.5
    box = page.locator("#canvas").bounding_box()
    assert box is not None
    page.mouse.move(box["x"] + 100, box["y"] + 100)
    page.mouse.down()
    page.mouse.move(box["x"] + 160, box["y"] + 100, steps=3)
    page.mouse.up()
    assert np.abs(view(page) - front).mean() > 1


def test_the_turntable_turns_until_it_is_stopped(page: Page) -> None:
    page.click("#home")
    front = view(page)
    page.check("#turn")
    time.sleep(1)
    assert moved(front, view(page))
    page.uncheck("#turn")
    assert not moved(view(page), view(page))
    page.click("#home")


def test_the_input_lies_on_top_of_what_was_made_of_it(page: Page, runs: Path) -> None:
    page.add_style_tag(content="#viewport { background: #fff !important }")
    page.select_option("#left", "final")
    page.click("#home")
    without = view(page)
    page.check("#overlay-on")
    page.locator("#overlay").evaluate("image => image.decode()")
    shown = view(page)
    height, width = shown.shape[:2]
    (path,) = runs.glob("*/cutout.webp")
    left = (width - height) // 2
    cutout = np.asarray(Image.open(path).resize((height, height)), dtype=float)
    weight = 0.55 * cutout[..., 3:] / 255
    expected = (without[:, left : left + height] * (1 - weight) + cutout[..., :3] * weight)[60:]
    assert np.abs(shown[60:, left : left + height] - expected).mean() < 1.5
    silhouette = np.abs(without - 255).max(axis=-1)[:, left : left + height] > 12
    seen = cutout[..., 3] > 127
    assert (silhouette & seen).sum() / (silhouette | seen).sum() > 0.85
    page.locator("#canvas").press("ArrowRight")
    expect(page.locator("#overlay")).to_be_hidden()
    page.click("#home")


def test_every_format_is_taken_home(page: Page, tmp_path: Path) -> None:
    readers = {
        "png": read_image,
        "json": lambda path: json.loads(path.read_text()),
        "safetensors": FitState.load,
        "mp4": lambda path: path.read_bytes()[4:8] == b"ftyp",
        "zip": zipfile.is_zipfile,
    }
    buttons = page.locator("#download-list button")
    for i in range(buttons.count()):
        with page.expect_download() as download:
            buttons.nth(i).click()
        path = tmp_path / download.value.suggested_filename
        download.value.save_as(path)
        assert readers.get(path.suffix[1:], load)(path)
    names = {path.name.removeprefix("cactus-") for path in tmp_path.iterdir()}
    assert names == {
        *("gaussians.ply", "gaussians.splat", "gaussians.spz", "gaussians.glb"),
        *("mesh.glb", "mesh.obj.zip", "mesh.ply.zip", "mesh.stl", "mesh.usdz"),
        *("turntable.mp4", "preview.png", "run.json", "fit.safetensors"),
    }


def test_a_second_window_sees_the_run_and_another_person_does_not(page: Page, browser: Browser) -> None:
    second = page.context.new_page()
    second.goto(page.url)
    state(second, "finished")
    second.close()
    stranger = browser.new_context().new_page()
    stranger.goto(page.url)
    expect(stranger.locator("#no-cards")).to_be_visible(timeout=PATIENCE)
    stranger.close()


def test_after_a_killed_worker_and_a_restart_the_run_goes_on(page: Page, site: Site, runs: Path) -> None:
    before = set(site.workers())
    start(page, 400)
    state(page, "working: Gaussians")
    (worker,) = set(site.workers()) - before
    page.get_by_role("button", name="Pause").click()
    state(page, "paused")
    os.kill(worker, signal.SIGKILL)
    state(page, "interrupted")
    expect(page.locator("#run-error")).to_contain_text("SIGKILL")
    page.get_by_role("button", name="Resume").click()
    state(page, "working: Gaussians")
    page.reload()
    state(page, "working: Gaussians")
    workers = site.workers()
    assert site.end() == -signal.SIGTERM
    assert not any(Path(f"/proc/{worker}").exists() for worker in workers)
    site.start_again()
    page.reload()
    state(page, "interrupted")
    expect(page.locator("#cards li")).to_have_count(2)
    thumbnail = page.locator("#cards img[src$='thumbnail.webp']")
    assert thumbnail.evaluate("image => image.decode().then(() => image.naturalWidth)") == 256
    page.on("dialog", lambda dialog: dialog.accept())
    page.get_by_role("button", name="Delete cactus").first.click()
    expect(page.locator("#cards li")).to_have_count(1)
    assert len(list(runs.glob("*/gaussians.ply"))) == 1
