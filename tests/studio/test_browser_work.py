"""Runs at work, as their people see them: words, the queue, a mesh on the way, and a server that dies."""

import re
import signal
import time
from pathlib import Path

from playwright.sync_api import Browser, Page, expect

from studio.bomb import bomb
from studio.browsing import PATIENCE, Site, cut_out, drop_image, in_browser, moved, start, state, view, window

pytestmark = in_browser


def step(page: Page) -> int:
    """The step of stage 1 that the page shows."""
    shown = re.search(r"Step(\d+) / 400", page.locator("#numbers").text_content() or "")
    return int(shown[1]) if shown else 0


def wait_for_step(page: Page, least: int) -> None:
    end = time.monotonic() + PATIENCE / 1000
    while step(page) < least:
        assert time.monotonic() < end
        page.wait_for_timeout(100)


def test_words_are_cut_out_before_the_start(page: Page) -> None:
    page.fill("#prompt", "a red armchair")
    page.locator("#prompt").press("Tab")
    expect(page.locator("#cutout-words")).to_contain_text("armchair", timeout=PATIENCE)
    expect(page.locator("#input-figure")).to_be_hidden()
    assert page.locator("#cutout").evaluate("image => image.decode().then(() => image.naturalWidth)") > 100


def test_a_decompression_bomb_is_refused_in_words(page: Page, tmp_path: Path) -> None:
    drop_image(page, bomb(tmp_path / "bomb.png", 60_000, 60_000))
    expect(page.locator("#alert")).to_contain_text("megapixels", timeout=PATIENCE)
    assert str(tmp_path) not in (page.locator("#alert").text_content() or "")
    page.get_by_role("button", name="Dismiss").click()
    page.click("#forget")


def test_an_image_goes_before_words_until_it_is_taken_back(page: Page) -> None:
    drop_image(page)
    cut_out(page)
    page.click("#forget")
    expect(page.locator("#cutout-words")).to_contain_text("armchair", timeout=PATIENCE)
    page.fill("#prompt", "")
    page.locator("#prompt").press("Tab")
    expect(page.locator("#drop-words")).to_be_visible()
    drop_image(page)
    cut_out(page)


def test_a_mesh_is_extracted_on_the_way_and_the_fit_goes_on(page: Page) -> None:
    start(page, 400)
    wait_for_step(page, 40)
    page.get_by_role("button", name="Extract mesh now").click()
    expect(page.locator("#left option[value=first]")).to_be_attached(timeout=PATIENCE)
    extracted = step(page)
    page.select_option("#left", "gaussians")
    gaussians = view(page)
    page.select_option("#left", "first")
    assert moved(gaussians, view(page))
    wait_for_step(page, extracted + 10)
    state(page, "working: Gaussians")


def test_the_next_run_sees_its_place_and_another_person_sees_neither(page: Page, browser: Browser, site: Site) -> None:
    start(page, 400)
    state(page, "waiting, number 1 in the queue")
    expect(page.locator("#cards li").first).to_contain_text("queued, number 1")
    with window(browser, site.address) as stranger:
        expect(stranger.locator("#no-cards")).to_be_visible()
    page.locator("#cards .open").nth(1).click()
    page.get_by_role("button", name="Stop", exact=True).click()
    state(page, "stopped; its state is kept")
    page.locator("#cards .open").nth(0).click()
    state(page, "working: Gaussians")


def test_a_server_that_is_killed_loses_no_run(page: Page, site: Site) -> None:
    wait_for_step(page, 20)
    workers = site.workers()
    assert site.end(signal.SIGKILL) == -signal.SIGKILL
    end = time.monotonic() + 60
    while any(Path(f"/proc/{worker}").exists() for worker in workers):
        assert time.monotonic() < end
        time.sleep(0.1)
    expect(page.locator("#connection")).to_contain_text("connection lost")
    site.start_again()
    page.reload()
    state(page, "interrupted")
    expect(page.locator("#run-error")).to_contain_text("its last checkpoint is kept")
    page.get_by_role("button", name="Resume").click()
    state(page, "working: Gaussians")
    wait_for_step(page, 20)
    page.get_by_role("button", name="Stop", exact=True).click()
    state(page, "stopped; its state is kept")
