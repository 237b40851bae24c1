"""Other people's programs, which `tests/formats/page/package.json` installs: Khronos's validator, three.js."""

import functools
import http.server
import io
import json
import queue
import shutil
import subprocess
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
import torch
from jaxtyping import Float
from PIL import Image
from torch import Tensor

from dreamgaussian.core.camera import Camera

PAGE = Path(__file__).parent / "page"
MODULES = PAGE / "node_modules"
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
CHROMIUM_FLAGS = ["--headless", "--no-sandbox", "--disable-quic", "--no-first-run", "--disable-background-networking"]
CHROMIUM_FLAGS += ["--disable-component-update", "--disable-sync", "--use-angle=swiftshader"]
CHROMIUM_FLAGS += ["--enable-unsafe-swiftshader", "--force-device-scale-factor=1"]
PATIENCE = 120
"""Seconds until a browser that shows nothing has failed."""

needs_node = pytest.mark.skipif(
    not MODULES.is_dir() or shutil.which("node") is None,
    reason="Node's tools are missing: npm install --no-package-lock --prefix tests/formats/page",
)
needs_browser = pytest.mark.skipif(
    not MODULES.is_dir() or CHROMIUM is None,
    reason="Chromium or three.js is missing: apt-get install chromium; npm install --prefix tests/formats/page",
)


def run_node(script: str, *arguments: Path) -> str:
    """What a script of the page's folder prints."""
    command = ["node", str(PAGE / script), *map(str, arguments)]
    return subprocess.run(command, check=True, capture_output=True, text=True, timeout=PATIENCE).stdout


def validator_messages(*paths: Path) -> dict[str, list[dict[str, object]]]:
    """What Khronos's validator says of .glb files, hints left out: code, severity (0 is an error), pointer."""
    reports = json.loads(run_node("validate.js", *paths))
    return {path: [each for each in messages if each["severity"] < 3] for path, messages in reports.items()}


@dataclass(frozen=True)
class Shot:
    """An image to take of a .glb: of its base colour, or under one distant lamp."""

    glb: Path
    camera: Camera
    light: tuple[float, float, float] | None = None

    def job(self, number: int) -> dict[str, object]:
        """As the page wants it."""
        view = {"size": self.camera.height, "fovy": self.camera.fovy_deg, "position": self.camera.position.tolist()}
        return {"glb": f"/{number}.glb", "light": self.light, **view}


def browser_images(shots: list[Shot]) -> list[Float[Tensor, "h w 3"]]:
    """What three.js shows of .glb files, on white."""
    answers: queue.Queue[tuple[str, bytes]] = queue.Queue()
    files = {f"/{i}.glb": shot.glb for i, shot in enumerate(shots)}
    jobs = json.dumps([shot.job(i) for i, shot in enumerate(shots)]).encode()

    class Handler(http.server.SimpleHTTPRequestHandler):
        def translate_path(self, path: str) -> str:
            return str(files.get(path) or super().translate_path(path))

        def do_GET(self) -> None:
            if self.path == "/jobs.json":
                self.send_response(200)
                self.end_headers()
                self.wfile.write(jobs)
            else:
                super().do_GET()

        def do_POST(self) -> None:
            answers.put((self.path, self.rfile.read(int(self.headers["Content-Length"]))))
            self.send_response(204)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    serve = functools.partial(Handler, directory=str(PAGE))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), serve) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        try:
            with _chromium(f"http://127.0.0.1:{server.server_address[1]}/index.html"):
                return [_image(*answers.get(timeout=PATIENCE)) for _ in shots]
        finally:
            server.shutdown()


@contextmanager
def _chromium(address: str) -> Iterator[None]:
    assert CHROMIUM is not None
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile:
        command = [CHROMIUM, *CHROMIUM_FLAGS, f"--user-data-dir={profile}", address]
        browser = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            yield
        finally:
            browser.terminate()
            browser.wait()


def _image(kind: str, content: bytes) -> Float[Tensor, "h w 3"]:
    assert kind == "/image", content.decode()
    return torch.from_numpy(np.array(Image.open(io.BytesIO(content)).convert("RGB"))).float() / 255
