"""What the page asks for, answered."""

import asyncio
import contextlib
import json
import shutil
from pathlib import Path
from typing import Any

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import FileResponse, JSONResponse, RedirectResponse, Response
from starlette.websockets import WebSocket, WebSocketDisconnect

from dreamgaussian import __version__
from dreamgaussian.config import PRESETS, to_json
from dreamgaussian.core.errors import InputError
from dreamgaussian.formats.registry import endings
from dreamgaussian.priors.registry import prior_names
from dreamgaussian.runs.folder import RunFolder
from dreamgaussian.studio.messages import Message
from dreamgaussian.studio.server.client_queue import ClientQueue
from dreamgaussian.studio.server.forms import config_from_form
from dreamgaussian.studio.server.jobs import WORKING, Job
from dreamgaussian.studio.server.manager import JobManager
from dreamgaussian.studio.server.uploads import Uploads, title_from

_RUN = RunFolder(Path())
RUN_FILES = {
    "turntable.mp4",
    *(path.name for path in (_RUN.cutout, _RUN.thumbnail, _RUN.splats, _RUN.gaussians, _RUN.first_mesh, _RUN.mesh)),
    *(path.name for path in (_RUN.preview, _RUN.generated_image, _RUN.record, _RUN.losses, _RUN.checkpoint)),
}
"""Files of a run's folder that can be asked for; the studio reads no others."""
COMMANDS = ("pause", "resume", "stop", "extract")
"""Commands to a worker at work."""
MAX_FORM_BYTES = 100_000


def exports() -> dict[str, list[str]]:
    """Files that can be made of a run's results, by result: one for each format."""
    return {
        "gaussians.ply": [f"gaussians{ending}" for ending in endings("Gaussians")],
        "mesh.glb": [f"mesh{ending}" for ending in endings("mesh")],
    }


class Api:
    """The answers to requests, each limited to what the request's session may see."""

    def __init__(self, manager: JobManager, uploads: Uploads) -> None:
        self._manager = manager
        self._uploads = uploads

    async def overview(self, request: Request) -> Response:
        """Everything the page needs to start: the session's runs, presets, limits, formats."""
        session = request.state.session
        settings = self._manager.settings
        return JSONResponse(
            {
                "version": __version__,
                "jobs": [self._manager.describe(job, session) for job in self._manager.index.visible(session)],
                "presets": {name: to_json(make()) for name, make in PRESETS.items()},
                "priors": list(prior_names()),
                "max_upload_mb": settings.max_upload_mb,
                "max_steps": settings.max_steps,
                "exports": exports(),
            }
        )

    async def upload(self, request: Request) -> Response:
        """Keep an image's bytes until a run takes them."""
        self._require_disk_space()
        upload = await self._uploads.receive(request, request.state.session, request.query_params.get("name", ""))
        return JSONResponse({"id": upload.id, "title": upload.title}, 201)

    async def reserve(self, request: Request) -> Response:
        """Reserve a place for the cut-out of a prompt; it is then used like an image's."""
        return JSONResponse({"id": self._uploads.reserve(request.state.session, "").id}, 201)

    async def make_cutout(self, request: Request) -> Response:
        """Cut an image out, or the image that is made of the prompt where there is none."""
        upload = self._uploads.get(request.path_params["id"], request.state.session)
        config = config_from_form(await _form(request), self._manager.settings)
        task = {
            "task": "cutout",
            "image": str(upload.path) if upload.has_image else "",
            "target": str(upload.cutout),
            "config": to_json(config),
            "max_pixels": round(self._manager.settings.max_megapixels * 1e6),
        }
        return _task_response(await self._manager.task_worker.run(task))

    async def cutout(self, request: Request) -> Response:
        """The cut-out that was made last."""
        upload = self._uploads.get(request.path_params["id"], request.state.session)
        return _file_response(upload.cutout)

    async def submit(self, request: Request) -> Response:
        """Put a new run into the queue."""
        session, manager = request.state.session, self._manager
        form = await _form(request)
        config = config_from_form(form, manager.settings)
        upload = self._uploads.get(str(form["image"]), session) if form.get("image") else None
        has_image = upload is not None and upload.has_image
        if not has_image and not config.prompt:
            raise InputError("There is neither an image nor a prompt. Drop an image, or write what to make.")
        self._require_queue_space(session)
        self._require_disk_space()
        title = upload.title if upload is not None and has_image else title_from(config.prompt)
        settings = json.dumps(to_json(config))
        job = manager.index.add(session, title, settings, has_image=has_image, steps=config.fit.steps)
        folder = manager.folder_of(job)
        folder.mkdir()
        if upload is not None:
            if has_image:
                shutil.copyfile(upload.path, RunFolder(folder).input)
            if upload.cutout.exists():
                shutil.copyfile(upload.cutout, RunFolder(folder).cutout)
        manager.enqueue(job)
        return JSONResponse({"id": job.id}, 201)

    async def command(self, request: Request) -> Response:
        """Pause, resume, stop, extract, share or unshare one of the session's own runs."""
        job, manager = self._own_job(request), self._manager
        match request.path_params["command"]:
            case "share":
                return JSONResponse({"share_key": manager.index.share(job.id)})
            case "unshare":
                manager.index.unshare(job.id)
            case "resume" if job.state in ("stopped", "interrupted", "failed"):
                self._require_queue_space(request.state.session)
                manager.enqueue(job)
            case command if command in COMMANDS and job.state in (*WORKING, "queued"):
                manager.command(job, command)
            case command:
                raise HTTPException(409, f"The run is {job.state}; the command {command!r} does not apply.")
        return JSONResponse({})

    async def delete(self, request: Request) -> Response:
        """Remove one of the session's own runs and all its files."""
        await self._manager.delete(self._own_job(request))
        return JSONResponse({})

    async def file(self, request: Request) -> Response:
        """One of `RUN_FILES`; with the query parameter `save` as a download under the run's title."""
        job, name = self._visible_job(request), request.path_params["name"]
        if name not in RUN_FILES:
            raise HTTPException(404, "A run has no such file.")
        title = f"{job.title}-{name}" if "save" in request.query_params else ""
        return _file_response(self._manager.folder_of(job) / name, title)

    async def export(self, request: Request) -> Response:
        """A run's result in one of the formats of `exports`, made on request."""
        job, name = self._visible_job(request), request.path_params["name"]
        if not any(name in names for names in exports().values()):
            raise HTTPException(404, "There is no such format.")
        folder = self._manager.folder_of(job)
        answer = await self._manager.task_worker.run({"task": "export", "folder": str(folder), "name": name})
        if answer["kind"] != "done":
            return _task_response(answer)
        return _file_response(folder / "exports" / answer["file"], f"{job.title}-{answer['file']}")

    async def open_shared(self, request: Request) -> Response:
        """Admit the session to a shared run and show it."""
        job = self._manager.index.admit(request.path_params["key"], request.state.session)
        if job is None:
            raise HTTPException(404, "This link is no longer shared. Ask for a new one.")
        suffix = "?embed" if "embed" in request.query_params else ""
        return RedirectResponse(f"/{suffix}#{job.id}", 303)

    async def live(self, socket: WebSocket) -> None:
        """The live connection: packed messages (`messages.py`) out; JSON with `watch` (a run's id) and `ping` in."""
        await socket.accept()
        client = ClientQueue(socket.state.session)
        self._manager.connect(client)
        sender = asyncio.create_task(_send_all(client, socket))
        try:
            while True:
                self._receive(client, await socket.receive_json())
        except (WebSocketDisconnect, ValueError, KeyError):
            pass
        finally:
            sender.cancel()
            self._manager.disconnect(client)

    def _receive(self, client: ClientQueue, message: dict[str, Any]) -> None:
        if "ping" in message:
            client.add_event(Message({"kind": "pong", "ping": message["ping"]}).pack())
        if "watch" in message:
            job = self._manager.index.get(str(message["watch"]))
            allowed = job is not None and self._manager.index.may_see(job, client.session)
            self._manager.watch(client, job if allowed else None)

    def _visible_job(self, request: Request) -> Job:
        job = self._manager.index.get(request.path_params["id"])
        if job is None or not self._manager.index.may_see(job, request.state.session):
            raise HTTPException(404, "There is no such run, or it is not shared with you.")
        return job

    def _own_job(self, request: Request) -> Job:
        job = self._visible_job(request)
        if job.owner != request.state.session:
            raise HTTPException(403, "This run is shared with you for viewing; only its owner can change it.")
        return job

    def _require_queue_space(self, session: str) -> None:
        """Raise where the queue is full, the session's own share of it or the whole."""
        settings, jobs = self._manager.settings, self._manager.index.in_state("queued", *WORKING)
        own = sum(job.owner == session for job in jobs)
        if own >= settings.max_queue_each:
            raise HTTPException(429, f"You have {own} runs at work or waiting. Let one finish, or stop one.")
        if len(jobs) >= settings.max_queue + settings.workers:
            raise HTTPException(503, f"The queue is full: {len(jobs)} runs. Try again later.")

    def _require_disk_space(self) -> None:
        used, limit = self._manager.disk_mb(), self._manager.settings.max_disk_mb
        if used > limit:
            raise HTTPException(507, f"The studio's folder is full ({used:,.0f} of {limit:,.0f} MB). Delete some runs.")


async def _send_all(client: ClientQueue, socket: WebSocket) -> None:
    with contextlib.suppress(RuntimeError, WebSocketDisconnect):
        while not client.is_overfull:
            await socket.send_bytes(await client.next())
        await socket.close()


async def _form(request: Request) -> dict[str, Any]:
    body = b""
    async for chunk in request.stream():
        body += chunk
        if len(body) > MAX_FORM_BYTES:
            raise HTTPException(413, "The form is too long.")
    try:
        form = json.loads(body or b"{}")
    except ValueError as error:
        raise HTTPException(400, "The form is not JSON.") from error
    if not isinstance(form, dict):
        raise HTTPException(400, "The form is not a JSON object.")
    return form


def _file_response(path: Path, name: str = "") -> Response:
    if not path.is_file():
        raise HTTPException(404, "This file is not there yet.")
    return FileResponse(path, filename=name or None)


def _task_response(answer: dict[str, Any]) -> Response:
    return JSONResponse(answer, 200 if answer["kind"] == "done" else 400)
