"""The studio from a program: started as a process of its own and asked over HTTP, for notebooks and measurements."""

import contextlib
import json
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.error import HTTPError
from urllib.parse import quote
from urllib.request import HTTPCookieProcessor, Request, build_opener

from dreamgaussian.core.errors import BackendUnavailable, InputError

if TYPE_CHECKING:
    from websockets.sync.client import ClientConnection

PATIENCE = 120.0
"""Seconds for one answer."""


class Client:
    """One session with a studio that listens at an address."""

    def __init__(self, address: str) -> None:
        self.address = address.rstrip("/")
        self._cookies = HTTPCookieProcessor()
        self._opener = build_opener(self._cookies)
        self.ask("/api/studio")

    def ask(self, path: str, body: bytes | None = None) -> Any:
        """The answer to a GET, or to a POST where there is a body. Raises InputError with the studio's own words."""
        try:
            with self._opener.open(Request(self.address + path, body), timeout=PATIENCE) as answer:
                return json.load(answer)
        except HTTPError as refusal:
            with refusal:
                raise InputError(json.load(refusal)["error"]) from refusal

    def start(self, image: Path, **form: Any) -> str:
        """Start a run on an image with the fields of the page's form (`forms.py`); its id."""
        upload = self.ask(f"/api/images?name={quote(image.name)}", image.read_bytes())
        return self.ask("/api/jobs", json.dumps({**form, "image": upload["id"]}).encode())["id"]

    def job(self, job_id: str) -> dict[str, Any]:
        """How a run stands."""
        return next(job for job in self.ask("/api/studio")["jobs"] if job["id"] == job_id)

    def share(self, job_id: str) -> str:
        """The path of the link at which anybody may look at a run."""
        return f"/share/{self.ask(f'/api/jobs/{job_id}/share', b'{}')['share_key']}"

    def live(self) -> "ClientConnection":
        """The live connection: `messages.py` says what comes over it."""
        from websockets.sync.client import connect

        cookies = "; ".join(f"{cookie.name}={cookie.value}" for cookie in self._cookies.cookiejar)
        return connect(
            self.address.replace("http", "ws", 1) + "/live", additional_headers={"Cookie": cookies}, max_size=None
        )


class LocalStudio:
    """A studio on this machine, on a free port, that ends with the program that opened it."""

    def __init__(self, folder: Path) -> None:
        command = [sys.executable, "-m", "dreamgaussian", "studio", "--port", "0", "--folder", str(folder)]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        assert self.process.stdout is not None
        words = self.process.stdout.readline().split()
        found = next((word for word in words if word.startswith("http")), None)
        if found is None:
            raise BackendUnavailable("The studio did not start. Try: dreamgaussian studio")
        self.address = found

    def close(self) -> None:
        """End the studio and its workers."""
        self.process.terminate()
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.process.communicate(timeout=30)

    def __enter__(self) -> "LocalStudio":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
