"""Somebody who uses the studio."""

import json
from collections.abc import Callable
from typing import Any

from starlette.testclient import TestClient

from dreamgaussian.studio.messages import unpack

ADDRESS = "http://127.0.0.1:8080"


class Person:
    """A browser of its own: the same studio, another session."""

    def __init__(self, client: TestClient) -> None:
        self.client = client
        self.studio()

    def studio(self) -> dict[str, Any]:
        return self.client.get("/api/studio").json()

    def start(self, prompt: str, **form: Any) -> str:
        answer = self.client.post("/api/jobs", json={"prompt": prompt, "prior": "mvdream", **form})
        assert answer.status_code == 201, answer.json()
        return answer.json()["id"]

    def job(self, job_id: str) -> dict[str, Any]:
        (found,) = [job for job in self.studio()["jobs"] if job["id"] == job_id]
        return found

    def command(self, job_id: str, command: str) -> Any:
        return self.client.post(f"/api/jobs/{job_id}/{command}")

    def hear(self, job_id: str, until: Callable[[dict[str, Any]], bool]) -> list[dict[str, Any]]:
        """Watch a run until a message says what is waited for; all messages, that one included."""
        heard: list[dict[str, Any]] = []
        with self.client.websocket_connect(ADDRESS.replace("http", "ws") + "/live") as socket:
            socket.send_text(json.dumps({"watch": job_id}))
            socket.send_text(json.dumps({"ping": 1}))
            # the state as it is, in case that nothing more is to come
            heard += [{"kind": "job", "job": job} for job in self.studio()["jobs"] if job["id"] == job_id]
            while not any(until(header) for header in heard):
                message = unpack(socket.receive_bytes())
                heard.append({**message.header, "payload": message.payload})
        return heard

    def wait_for(self, job_id: str, state: str) -> dict[str, Any]:
        """The run, as soon as it is in a state."""
        self.hear(job_id, lambda message: message["kind"] == "job" and message["job"]["state"] == state)
        return self.job(job_id)
