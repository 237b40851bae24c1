"""The notebook's live view in a real browser: in a page of our own, and in JupyterLab where it is installed."""

import functools
import io
import json
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import Browser, FrameLocator, Page, expect

from dreamgaussian.studio.notebook import NotebookStudio
from studio.browsing import EXAMPLES, PATIENCE, in_browser, moved

pytestmark = in_browser
NOTEBOOK = "04_live_in_a_notebook.ipynb"


def wait_for_step(page: Page, frame: FrameLocator, least: int) -> None:
    while True:
        shown = frame.locator("#numbers dd").nth(1)
        expect(shown).to_contain_text("/", timeout=PATIENCE)
        if int((shown.text_content() or "0").split("/")[0]) >= least:
            return
        page.wait_for_timeout(100)


def view(frame: FrameLocator) -> np.ndarray:
    shot = frame.locator("#viewport").screenshot(timeout=PATIENCE)
    return np.asarray(Image.open(io.BytesIO(shot)).convert("RGB")).astype(float)


def splats_move(page: Page, frame: FrameLocator) -> None:
    wait_for_step(page, frame, 2)
    expect(frame.locator("#empty")).to_be_hidden(timeout=PATIENCE)
    before = view(frame)
    wait_for_step(page, frame, 30)
    assert moved(before, view(frame))
    expect(frame.locator("#form, #gallery, .bar")).to_have_count(3)
    expect(frame.locator("#form")).to_be_hidden()


@contextmanager
def serving(folder: Path) -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(SimpleHTTPRequestHandler, directory=folder))
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.mark.parametrize("name", ["127.0.0.1", "localhost"])
def test_what_a_cell_shows_is_live_in_another_servers_page(browser: Browser, tmp_path: Path, name: str) -> None:
    studio = NotebookStudio(tmp_path / "runs")
    run = studio.start(EXAMPLES / "cactus.webp", preset="quick", steps=400)
    (tmp_path / "index.html").write_text(f"<!doctype html><title>A notebook</title>{run._repr_html_()}")
    page = browser.new_context(viewport={"width": 1000, "height": 700}).new_page()
    with serving(tmp_path) as address:
        page.goto(address.replace("127.0.0.1", name))
        splats_move(page, page.frame_locator("iframe"))
    page.context.close()
    studio.close()


@pytest.mark.skipif(find_spec("jupyterlab") is None, reason="jupyterlab is not installed")
def test_the_notebook_shows_its_run_live_in_jupyterlab(browser: Browser, tmp_path: Path) -> None:
    shutil.copy(EXAMPLES / "cactus.webp", tmp_path)
    notebook = json.loads((EXAMPLES / NOTEBOOK).read_text().replace("120", "300"))
    (tmp_path / NOTEBOOK).write_text(json.dumps(notebook))
    options = [
        "--no-browser",
        "--allow-root",
        "--port=0",
        "--IdentityProvider.token=",
        f"--ServerApp.root_dir={tmp_path}",
    ]
    lab = subprocess.Popen([sys.executable, "-m", "jupyterlab", *options], stderr=subprocess.PIPE, text=True)
    assert lab.stderr is not None
    address = next(line for line in lab.stderr if "http://localhost" in line).split()[-1].removesuffix("lab")
    threading.Thread(target=lab.stderr.read, daemon=True).start()
    page = browser.new_context(viewport={"width": 1200, "height": 900}).new_page()
    page.set_default_timeout(PATIENCE)
    try:
        page.goto(f"{address}lab/tree/{NOTEBOOK}")
        expect(page.get_by_text("| Idle")).to_be_visible(timeout=PATIENCE)
        page.get_by_role("menuitem", name="Run", exact=True).click()
        page.get_by_role("menuitem", name="Run All Cells", exact=True).click()
        splats_move(page, page.frame_locator("iframe[title='A run, live']"))
    finally:
        page.context.close()
        lab.terminate()
        lab.wait(60)
        lab.stderr.close()
