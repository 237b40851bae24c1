"""The studio from a program, over HTTP: for notebooks and measurements."""

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

TIMEOUT_S = 120.0
"""For one response."""


class Client:
    """One session with a studio that listens at an address."""

    def __init__(self, address: str) -> None:
        self.address = address.rstrip("/")
        self._cookies = HTTPCookieProcessor()
        self._opener = build_opener(self._cookies)
        self.request("/api/studio")

    def request(self, path: str, body: bytes | None = None) -> Any:
        """The JSON response to a GET, or to a POST where there is a body. Raises InputError with its error."""
        try:
            with self._opener.open(Request(self.address + path, body), timeout=TIMEOUT_S) as answer:
                return json.load(answer)
        except HTTPError as refusal:
            with refusal:
                raise InputError(json.load(refusal)["error"]) from refusal

    def start(self, image: Path, **form: Any) -> str:
        """Start a run on an image and return its id; `form` has the fields of the page's form (`server/forms.py`)."""
        upload = self.request(f"/api/images?name={quote(image.name)}", image.read_bytes())
        return self.request("/api/jobs", json.dumps({**form, "image": upload["id"]}).encode())["id"]

    def job(self, job_id: str) -> dict[str, Any]:
        """A run's state, as `JobManager.describe` gives it."""
        return next(job for job in self.request("/api/studio")["jobs"] if job["id"] == job_id)

    def share(self, job_id: str) -> str:
        """Share a run and return the path at which others can look at it."""
        return f"/share/{self.request(f'/api/jobs/{job_id}/share', b'{}')['share_key']}"

    def live(self) -> "ClientConnection":
        """The live connection, over which packed messages (`messages.py`) come."""
        from websockets.sync.client import connect

        cookies = "; ".join(f"{cookie.name}={cookie.value}" for cookie in self._cookies.cookiejar)
        return connect(
            self.address.replace("http", "ws", 1) + "/live", additional_headers={"Cookie": cookies}, max_size=None
        )


class LocalStudio:
    """A studio in a process of its own on a free port of this machine; a context manager that ends it."""

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
