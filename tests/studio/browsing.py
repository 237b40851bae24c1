"""A person at the page: a studio in a process of its own, and what hands and eyes do in a real browser."""

import io
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import Browser, Page, expect

CHROMIUM = shutil.which("chromium")
FLAGS = (
    "--no-sandbox --use-angle=swiftshader --enable-unsafe-swiftshader --disable-background-networking "
    "--disable-component-update --disable-sync --no-first-run --disable-quic"
)
EXAMPLES = Path(__file__).parents[2] / "examples"
PATIENCE = 300_000
"""Milliseconds; machines may be busy."""

in_browser = [
    pytest.mark.slow,
    pytest.mark.skipif(CHROMIUM is None, reason="chromium is not installed"),
]


class Site:
    """A command that serves pages, in a process of its own."""

    def __init__(self, *command: str) -> None:
        self._command = command
        self.address = ""
        self.start("0")

    def start(self, port: str) -> None:
        command = [sys.executable, "-m", "dreamgaussian", *self._command, "--port", port]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        assert self.process.stdout is not None
        found = re.search(r"http://\S+", self.process.stdout.readline())
        assert found is not None
        self.address = found[0]

    def start_again(self) -> None:
        self.start(self.address.rsplit(":", 1)[1].strip("/"))

    def end(self, how: signal.Signals = signal.SIGTERM) -> int:
        self.process.send_signal(how)
        self.process.communicate(timeout=60)
        return self.process.returncode

    def workers(self) -> list[int]:
        """The processes that this studio started."""
        listed = subprocess.run(["ps", "-o", "pid=", "--ppid", str(self.process.pid)], capture_output=True, text=True)
        return [int(line) for line in listed.stdout.split()]


@contextmanager
def window(browser: Browser, address: str, **options) -> Iterator[Page]:
    """One person's window, which must not complain nor ask anybody else for anything."""
    context = browser.new_context(**{"viewport": {"width": 760, "height": 520}, **options})
    page = context.new_page()
    page.set_default_timeout(PATIENCE)
    complaints: list[str] = []
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on(
        "request",
        lambda request: request.url.startswith((address, "blob:", "data:")) or complaints.append(request.url),
    )
    try:
        page.goto(address)
        expect(page.locator("#connection.on, body.files")).to_be_visible(timeout=PATIENCE)
        yield page
    finally:
        context.close()
    assert complaints == []


def view(page: Page) -> np.ndarray:
    """What the 3D view shows."""
    shot = page.locator("#viewport").screenshot(timeout=PATIENCE)
    return np.asarray(Image.open(io.BytesIO(shot)).convert("RGB")).astype(float)


def moved(before: np.ndarray, after: np.ndarray) -> bool:
    """Whether two views differ in more than a few pixels."""
    return bool((np.abs(after - before).max(axis=-1) > 6).mean() > 0.01)


def state(page: Page, words: str) -> None:
    """Wait until the run stands so."""
    expect(page.locator("#run-state")).to_contain_text(words, timeout=PATIENCE)


def drop_image(page: Page, image: Path = EXAMPLES / "cactus.webp") -> None:
    """Drop a file onto the page, as a hand does."""
    transfer = page.evaluate_handle(
        """([data, name]) => {
            const transfer = new DataTransfer();
            transfer.items.add(new File([new Uint8Array(data)], name));
            return transfer;
        }""",
        [list(image.read_bytes()), image.name],
    )
    page.dispatch_event("#drop", "drop", {"dataTransfer": transfer})


def cut_out(page: Page) -> None:
    """Wait for the cut-out of an image."""
    expect(page.locator("#cutout-words")).to_have_text("cut-out, recentred", timeout=PATIENCE)


def start(page: Page, steps: int) -> None:
    """Start a quick run."""
    page.select_option("#preset", "quick")
    page.fill("#steps", str(steps))
    page.click("#start")
