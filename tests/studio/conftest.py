"""A studio in this process with a fake worker, and two people who use it."""

import dataclasses
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from starlette.testclient import TestClient

from dreamgaussian.studio.server.app import studio_app
from dreamgaussian.studio.settings import StudioSettings
from studio.person import ADDRESS, Person

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

    from studio.browsing import Site

FAKE_WORKER = (sys.executable, str(Path(__file__).parent / "fake_worker.py"))


@pytest.fixture
def settings(tmp_path: Path) -> StudioSettings:
    return StudioSettings(folder=tmp_path / "studio")


@pytest.fixture
def serve(settings: StudioSettings) -> Callable[..., TestClient]:
    """A studio with the fake worker, to be entered, at an address, with cookies and with other settings."""

    def serve(address: str = ADDRESS, cookies: Any = None, **changes: Any) -> TestClient:
        app = studio_app(dataclasses.replace(settings, **changes), FAKE_WORKER)
        return TestClient(app, base_url=address, cookies=cookies)

    return serve


@pytest.fixture
def studio(serve: Callable[..., TestClient]) -> Iterator[TestClient]:
    with serve() as client:
        yield client


@pytest.fixture
def ann(studio: TestClient) -> Person:
    return Person(studio)


@pytest.fixture
def bob(studio: TestClient) -> Person:
    other = TestClient(studio.app, base_url=ADDRESS)
    other.portal = studio.portal  # the same event loop
    return Person(other)


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the site's runs."""
    return tmp_path_factory.mktemp("studio")


@pytest.fixture(scope="module")
def site(runs: Path) -> "Iterator[Site]":
    from studio.browsing import Site

    site = Site("studio", "--folder", str(runs))
    yield site
    site.end()


@pytest.fixture(scope="module")
def browser() -> "Iterator[Browser]":
    from playwright.sync_api import sync_playwright

    from studio.browsing import CHROMIUM, FLAGS

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS.split())
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def page(site: "Site", browser: "Browser") -> "Iterator[Page]":
    from studio.browsing import window

    with window(browser, site.address) as page:
        yield page
