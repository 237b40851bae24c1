"""Everybody can use the page: phones, the keyboard alone, screen readers, the dark and the light look."""

from pathlib import Path

import numpy as np
import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, expect

from studio.browsing import EXAMPLES, Site, cut_out, in_browser, moved, start, state, view, window

pytestmark = in_browser
PHONE = {"viewport": {"width": 390, "height": 844}, "has_touch": True, "is_mobile": True}
DESK = {"viewport": {"width": 1280, "height": 800}}


@pytest.fixture(scope="module")
def session(site: Site, browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Who has one finished run, as a browser keeps it."""
    kept = tmp_path_factory.mktemp("session") / "state.json"
    with window(browser, site.address) as page:
        page.set_input_files("#file", EXAMPLES / "teapot.webp")
        cut_out(page)
        start(page, 10)
        state(page, "finished")
        page.context.storage_state(path=kept)
    return kept


def violations(page: Page) -> list[str]:
    """What axe-core finds against WCAG 2.2 AA and good practice, contrast among it."""
    found = Axe().run(page).response["violations"]
    return [f"{each['id']}: {[node['html'][:120] for node in each['nodes']]}" for each in found]


@pytest.mark.parametrize("look", ["dark", "light"])
@pytest.mark.parametrize("device", [DESK, PHONE], ids=["desk", "phone"])
def test_axe_finds_nothing(site: Site, browser: Browser, session: Path, look: str, device: dict) -> None:
    with window(browser, site.address, color_scheme=look, storage_state=session, **device) as page:
        state(page, "finished")
        page.select_option("#right", "final")
        page.get_by_text("Settings").click()
        page.set_input_files("#file", EXAMPLES / "teapot.webp")
        cut_out(page)
        page.evaluate("document.querySelector('#alert').hidden = false")
        page.locator("#alert span").evaluate("each => each.textContent = 'Something went wrong.'")
        assert violations(page) == []
        luminance = page.evaluate("getComputedStyle(document.body).backgroundColor.match(/\\d+/g).map(Number)")
        assert (np.mean(luminance) > 128) == (look == "light")


def test_every_control_is_found_by_its_name(page: Page) -> None:
    names = (
        "Choose an image",
        "or say what to make",
        "Camera's elevation",
        "Preset",
        "Prior",
        "Steps",
        "Seed",
        "Background",
    )
    for name in names:
        expect(page.locator("#form input, #form select").and_(page.get_by_label(name))).to_have_count(1)
    for name in ("colour", "depth", "alpha", "normals", "centres"):
        expect(page.get_by_role("radio", name=name)).to_have_count(1)
    for name in ("input on top", "turntable"):
        expect(page.get_by_role("checkbox", name=name)).to_have_count(1)


def test_the_look_is_switched_and_stays(site: Site, browser: Browser) -> None:
    with window(browser, site.address, color_scheme="light") as page:
        page.get_by_role("button", name="Switch between the dark and the light look").click()
        page.reload()
        expect(page.locator("html")).to_have_attribute("data-look", "dark")


def test_fingers_turn_the_view_and_pinch_it(site: Site, browser: Browser, session: Path) -> None:
    with window(browser, site.address, storage_state=session, **PHONE) as page:
        state(page, "finished")
        expect(page.locator("#empty")).to_be_hidden()
        page.wait_for_timeout(1000)
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), "nothing hangs over the edge"
        hand = page.context.new_cdp_session(page)
        box = page.locator("#canvas").bounding_box()
        assert box is not None
        x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2

        def touch(kind: str, *points: tuple[float, float]) -> None:
            fingers = [{"x": x + dx, "y": y + dy, "id": i} for i, (dx, dy) in enumerate(points)]
            hand.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": fingers})

        front = view(page)
        touch("touchStart", (0, 0))
        for dx in (20, 40, 60):
            touch("touchMove", (dx, 0))
        touch("touchEnd")
        turned = view(page)
        assert moved(front, turned)
        touch("touchStart", (-20, 0), (20, 0))
        for spread in (40, 60, 80):
            touch("touchMove", (-spread, 0), (spread, 0))
        touch("touchEnd")
        assert moved(turned, view(page))
        assert page.evaluate("scrollY") == 0


def test_a_run_is_started_paused_and_stopped_with_the_keyboard_alone(site: Site, browser: Browser) -> None:
    with window(browser, site.address, **DESK) as page:

        def tab_to(element: str) -> None:
            for _ in range(60):
                page.keyboard.press("Tab")
                if page.evaluate("element => document.activeElement.matches(element)", element):
                    return
            raise AssertionError(f"The Tab key does not lead to {element}.")

        tab_to("#file")
        tab_to("#prompt")
        page.keyboard.type("a red armchair")
        tab_to("#preset")
        page.keyboard.type("quick")
        tab_to("#start")
        page.keyboard.press("Enter")
        state(page, "working: Gaussians")
        tab_to("#controls button")
        expect(page.locator(":focus")).to_have_text("Pause")
        page.keyboard.press("Enter")
        state(page, "paused")
        expect(page.locator(":focus")).to_have_text("Resume")
        tab_to("#controls button:last-child")
        page.keyboard.press("Enter")
        state(page, "stopped")
        expect(page.locator("#run")).to_contain_text("a red armchair")
