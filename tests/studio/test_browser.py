"""The page in a real browser: headless Chromium, driven by Playwright, with real runs."""

import io
import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import Browser, Page, expect, sync_playwright
from pygltflib import GLTF2

from dreamgaussian.camera import Camera
from dreamgaussian.export.ply import read_ply
from dreamgaussian.raster.cpu import CpuRasterizer

CHROMIUM = shutil.which("chromium")
FLAGS = (
    "--no-sandbox --use-angle=swiftshader --enable-unsafe-swiftshader --disable-background-networking "
    "--disable-component-update --disable-sync --no-first-run --disable-quic"
)
PICTURE = Path(__file__).parents[2] / "examples" / "cactus.webp"
PATIENCE = 600_000
"""Milliseconds; machines may be busy."""

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(CHROMIUM is None, reason="chromium is not installed"),
]


class Site:
    """The studio in a process of its own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.address = ""
        self.start("0")

    def start(self, port: str) -> None:
        command = [sys.executable, "-m", "dreamgaussian", "studio", "--port", port, "--folder", str(self.folder)]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        assert self.process.stdout is not None
        found = re.search(r"http://\S+", self.process.stdout.readline())
        assert found is not None
        self.address = found[0]

    def end(self) -> int:
        self.process.send_signal(signal.SIGTERM)
        self.process.communicate(timeout=60)
        return self.process.returncode

    def workers(self) -> list[int]:
        """The processes that this studio started."""
        listed = subprocess.run(["ps", "-o", "pid=", "--ppid", str(self.process.pid)], capture_output=True, text=True)
        return [int(line) for line in listed.stdout.split()]


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    site = Site(tmp_path_factory.mktemp("studio"))
    yield site
    site.end()


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS.split())
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def page(site: Site, browser: Browser) -> Iterator[Page]:
    """One person's window, which must not complain nor ask anybody else for anything."""
    page = browser.new_context(viewport={"width": 760, "height": 520}).new_page()
    page.set_default_timeout(PATIENCE)
    complaints: list[str] = []
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on(
        "request",
        lambda request: request.url.startswith((site.address, "blob:", "data:")) or complaints.append(request.url),
    )
    page.goto(site.address)
    expect(page.locator("#connection")).to_have_text("connected", timeout=PATIENCE)
    yield page
    assert complaints == []


def view(page: Page) -> np.ndarray:
    """What the 3D view shows."""
    shot = page.locator("#viewport").screenshot(timeout=PATIENCE)
    return np.asarray(Image.open(io.BytesIO(shot)).convert("RGB")).astype(float)


def state(page: Page, words: str) -> None:
    expect(page.locator("#run-state")).to_contain_text(words, timeout=PATIENCE)


def drop_picture(page: Page) -> None:
    """Drop a file onto the page, as a hand does."""
    data = list(PICTURE.read_bytes())
    transfer = page.evaluate_handle(
        """data => {
            const transfer = new DataTransfer();
            transfer.items.add(new File([new Uint8Array(data)], "cactus.webp", { type: "image/webp" }));
            return transfer;
        }""",
        data,
    )
    page.dispatch_event("#drop", "drop", {"dataTransfer": transfer})
    expect(page.locator("#cutout-words")).to_have_text("cut-out, recentred", timeout=PATIENCE)


def start(page: Page, steps: int) -> None:
    page.select_option("#preset", "quick")
    page.fill("#steps", str(steps))
    page.click("#start")


def test_a_dropped_picture_grows_into_a_mesh_and_is_taken_home(page: Page, site: Site, tmp_path: Path) -> None:
    drop_picture(page)
    start(page, 40)
    page.get_by_role("button", name="Pause").click()
    state(page, "paused")
    before = view(page)
    page.get_by_role("button", name="Resume").click()
    expect(page.locator("#numbers")).to_contain_text("Mesh", timeout=PATIENCE)
    page.select_option("#left", "gaussians")
    after = view(page)
    assert (np.abs(after - before).max(axis=-1) > 6).mean() > 0.01, "the splats moved"
    state(page, "finished")
    with page.expect_download() as download:
        page.get_by_role("button", name="Download mesh.glb").click()
    download.value.save_as(tmp_path / "mesh.glb")
    mesh = GLTF2().load(str(tmp_path / "mesh.glb"))
    assert mesh is not None
    assert mesh.accessors[mesh.meshes[0].primitives[0].indices].count > 3_000
    assert download.value.suggested_filename == "cactus-mesh.glb"


def test_the_page_draws_gaussians_as_our_rasteriser_does(page: Page, site: Site) -> None:
    page.select_option("#left", "gaussians")
    page.click("#home")
    page.add_style_tag(content="#viewport { background: #fff !important }")
    shown = view(page)
    (ply,) = site.folder.glob("*/gaussians.ply")
    height, width = shown.shape[:2]
    render = CpuRasterizer().render(read_ply(ply), Camera.orbit(0, 0, (width, height)))
    expected = render.over(1.0).clamp(0, 1).numpy() * 255
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


def test_every_control_has_a_name(page: Page) -> None:
    nameless = page.evaluate(
        """() => [...document.querySelectorAll("button, input, select, canvas, video, img")]
            .filter((each) => each.checkVisibility() && !each.labels?.length && !each.ariaLabel
                && !each.textContent.trim() && each.alt === undefined)
            .map((each) => each.outerHTML)"""
    )
    assert nameless == []


def test_a_second_window_sees_the_run_and_another_person_does_not(page: Page, browser: Browser, site: Site) -> None:
    second = page.context.new_page()
    second.goto(page.url)
    state(second, "finished")
    second.close()
    stranger = browser.new_context().new_page()
    stranger.goto(page.url)
    expect(stranger.locator("#no-cards")).to_be_visible(timeout=PATIENCE)
    stranger.close()


def test_after_a_killed_worker_and_a_restart_the_run_goes_on(page: Page, site: Site) -> None:
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
    site.start(site.address.rsplit(":", 1)[1].strip("/"))
    page.reload()
    state(page, "interrupted")
    expect(page.locator("#cards li")).to_have_count(2)
    page.on("dialog", lambda dialog: dialog.accept())
    page.get_by_role("button", name="Delete cactus").first.click()
    expect(page.locator("#cards li")).to_have_count(1)
    assert len(list(site.folder.glob("*/gaussians.ply"))) == 1
