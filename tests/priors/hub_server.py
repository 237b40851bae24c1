"""A hub on this machine, with the parts of the Hugging Face hub's protocol that a download needs."""

import hashlib
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import urlsplit

COMMIT = "0123456789abcdef0123456789abcdef01234567"


@dataclass
class Hub:
    """Repositories by id; a gated one is listed and gives no files, a silent one never answers."""

    repositories: dict[str, Path] = field(default_factory=dict)
    gated: set[str] = field(default_factory=set)
    silent: set[str] = field(default_factory=set)
    closing: threading.Event = field(default_factory=threading.Event)
    endpoint: str = ""
    requests: list[str] = field(default_factory=list)
    """Paths that were asked for."""


@contextmanager
def running(hub: Hub) -> Iterator[Hub]:
    """The hub, answering at its endpoint."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(hub))
    hub.endpoint = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield hub
    finally:
        hub.closing.set()
        server.shutdown()
        server.server_close()
        thread.join()


def _handler(hub: Hub) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            self._answer(with_body=True)

        def do_HEAD(self) -> None:
            self._answer(with_body=False)

        def log_message(self, *_: object) -> None:
            pass

        def _answer(self, *, with_body: bool) -> None:
            path = urlsplit(self.path).path
            hub.requests.append(path)
            if path.startswith("/api/models/"):
                name = "/".join(path.split("/")[3:5])
                return self._listing(name, with_body)
            owner, name, _, _, *file = path.strip("/").split("/")
            return self._file(f"{owner}/{name}", "/".join(file), with_body)

        def _listing(self, name: str, with_body: bool) -> None:
            if name in hub.silent:
                hub.closing.wait()
            if name not in hub.repositories:
                return self._send(401, b"", {"X-Error-Code": "RepoNotFound"}, with_body)
            root = hub.repositories[name]
            files = [path for path in sorted(root.rglob("*")) if path.is_file()]
            siblings = [{"rfilename": path.relative_to(root).as_posix(), "size": path.stat().st_size} for path in files]
            body = json.dumps({"id": name, "sha": COMMIT, "siblings": siblings}).encode()
            return self._send(200, body, {"Content-Type": "application/json"}, with_body)

        def _file(self, name: str, file: str, with_body: bool) -> None:
            if name in hub.gated:
                return self._send(403, b"", {"X-Error-Code": "GatedRepo"}, with_body)
            body = (hub.repositories[name] / file).read_bytes()
            headers = {"ETag": f'"{hashlib.sha1(body).hexdigest()}"', "X-Repo-Commit": COMMIT}
            return self._send(200, body, headers, with_body)

        def _send(self, status: int, body: bytes, headers: dict[str, str], with_body: bool) -> None:
            self.send_response(status)
            for key, value in headers.items():
                self.send_header(key, value)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            if with_body:
                self.wfile.write(body)

    return Handler
