"""The studio's web app: what the page asks, answered."""

import asyncio
import contextlib
import json
import shutil
from collections.abc import AsyncGenerator
from pathlib import Path
from typing import Any, get_args

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import FileResponse, JSONResponse, RedirectResponse, Response
from starlette.routing import Mount, Route, WebSocketRoute
from starlette.websockets import WebSocket, WebSocketDisconnect

from dreamgaussian import __version__
from dreamgaussian.config import PRESETS, to_json
from dreamgaussian.core.errors import DreamGaussianError, InputError
from dreamgaussian.formats import GAUSSIAN_WRITERS, MESH_WRITERS
from dreamgaussian.priors.choice import PriorName
from dreamgaussian.studio.messages import Message
from dreamgaussian.studio.server.auth import Guard
from dreamgaussian.studio.server.client_queue import Outbox
from dreamgaussian.studio.server.forms import config_from_form
from dreamgaussian.studio.server.jobs import WORKING, Job
from dreamgaussian.studio.server.manager import Shop
from dreamgaussian.studio.server.pages import in_words, page, static_files
from dreamgaussian.studio.server.uploads import Uploads, title_from
from dreamgaussian.studio.settings import StudioSettings

RUN_FILES = {
    "cutout.webp",
    "thumbnail.webp",
    "gaussians.splat",
    "gaussians.ply",
    "first-mesh.glb",
    "mesh.glb",
    "turntable.mp4",
    "preview.png",
    "painting.png",
    "run.json",
    "losses.json",
    "fit.safetensors",
}
"""The files of a run's folder that can be asked for; nothing else can be read through the studio."""
EXPORTS = {
    "gaussians.ply": [f"gaussians{ending}" for ending in GAUSSIAN_WRITERS],
    "mesh.glb": [f"mesh{ending}" for ending in MESH_WRITERS],
}
"""What can be made of each of a run's results."""
WISHES = ("pause", "resume", "stop", "extract")
MAX_FORM = 100_000
"""Bytes of a form."""


def studio_app(settings: StudioSettings) -> Starlette:
    """The app, with its queue and its workers, which live as long as it does. Raises ConfigError as `Uploads`."""
    uploads = Uploads(settings.folder / "uploads", settings.max_upload_mb)
    shop = Shop(settings)
    desk = Desk(shop, uploads)

    @contextlib.asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncGenerator[None]:
        shop.open()
        yield
        await shop.close()

    return Starlette(
        routes=[
            Route("/", page),
            Route("/share/{key}", desk.enter_shared),
            Route("/api/studio", desk.overview),
            Route("/api/images", desk.upload, methods=["POST"]),
            Route("/api/words", desk.reserve, methods=["POST"]),
            Route("/api/images/{id}/cutout", desk.cut_out, methods=["POST"]),
            Route("/api/images/{id}/cutout", desk.cutout),
            Route("/api/jobs", desk.submit, methods=["POST"]),
            Route("/api/jobs/{id}", desk.delete, methods=["DELETE"]),
            Route("/api/jobs/{id}/files/{name}", desk.file),
            Route("/api/jobs/{id}/exports/{name}", desk.export),
            Route("/api/jobs/{id}/{wish}", desk.wish, methods=["POST"]),
            WebSocketRoute("/live", desk.live),
            Mount("/static", static_files()),
        ],
        middleware=[Middleware(Guard, settings=settings)],
        exception_handlers={DreamGaussianError: in_words, HTTPException: in_words},
        lifespan=lifespan,
    )


class Desk:
    """The answers to requests; each sees only what its session may see."""

    def __init__(self, shop: Shop, uploads: Uploads) -> None:
        self._shop = shop
        self._uploads = uploads

    async def overview(self, request: Request) -> Response:
        """All that the page needs to begin."""
        session = request.state.session
        settings = self._shop.settings
        return JSONResponse(
            {
                "version": __version__,
                "jobs": [self._shop.describe(job, session) for job in self._shop.index.visible(session)],
                "presets": {name: to_json(make()) for name, make in PRESETS.items()},
                "priors": list(get_args(PriorName)),
                "max_upload_mb": settings.max_upload_mb,
                "max_steps": settings.max_steps,
                "exports": EXPORTS,
            }
        )

    async def upload(self, request: Request) -> Response:
        """An image's bytes, kept until a run takes them."""
        self._require_room()
        upload = await self._uploads.receive(request, request.state.session, request.query_params.get("name", ""))
        return JSONResponse({"id": upload.id, "title": upload.title}, 201)

    async def reserve(self, request: Request) -> Response:
        """A place for the cut-out of words, which is asked for as an image's is."""
        return JSONResponse({"id": self._uploads.reserve(request.state.session, "").id}, 201)

    async def cut_out(self, request: Request) -> Response:
        """Have the bench cut an image out, or what it makes of the words where there is none."""
        upload = self._uploads.get(request.path_params["id"], request.state.session)
        config = config_from_form(await _form(request), self._shop.settings)
        chore = {
            "chore": "cutout",
            "image": str(upload.path) if upload.has_picture else "",
            "target": str(upload.cutout),
            "config": to_json(config),
            "max_pixels": round(self._shop.settings.max_megapixels * 1e6),
        }
        return _answer(await self._shop.bench.do(chore))

    async def cutout(self, request: Request) -> Response:
        """The cut-out that was made last."""
        upload = self._uploads.get(request.path_params["id"], request.state.session)
        return _file(upload.cutout)

    async def submit(self, request: Request) -> Response:
        """A new run, put into the queue."""
        session, shop = request.state.session, self._shop
        form = await _form(request)
        config = config_from_form(form, shop.settings)
        upload = self._uploads.get(str(form["image"]), session) if form.get("image") else None
        has_picture = upload is not None and upload.has_picture
        if not has_picture and not config.prompt:
            raise InputError("There is neither an image nor a word. Drop an image, or say what to make.")
        self._require_place(session)
        self._require_room()
        title = upload.title if upload is not None and has_picture else title_from(config.prompt)
        job = shop.index.add(
            session, title, json.dumps(to_json(config)), has_picture=has_picture, steps=config.fit.steps
        )
        folder = shop.folder_of(job)
        folder.mkdir()
        if upload is not None:
            if has_picture:
                shutil.copyfile(upload.path, folder / "input")
            if upload.cutout.exists():
                shutil.copyfile(upload.cutout, folder / "cutout.webp")
        shop.enqueue(job)
        return JSONResponse({"id": job.id}, 201)

    async def wish(self, request: Request) -> Response:
        """Pause, resume, stop, extract, share or unshare a run of one's own."""
        job, shop = self._own(request), self._shop
        match request.path_params["wish"]:
            case "share":
                return JSONResponse({"share_key": shop.index.share(job.id)})
            case "unshare":
                shop.index.unshare(job.id)
            case "resume" if job.state in ("stopped", "interrupted", "failed"):
                self._require_place(request.state.session)
                shop.enqueue(job)
            case wish if wish in WISHES and job.state in (*WORKING, "queued"):
                shop.control(job, wish)
            case wish:
                raise HTTPException(409, f"A run that is {job.state} cannot be asked to {wish}.")
        return JSONResponse({})

    async def delete(self, request: Request) -> Response:
        """Remove a run of one's own and all its files."""
        await self._shop.delete(self._own(request))
        return JSONResponse({})

    async def file(self, request: Request) -> Response:
        """One of a run's own files."""
        job, name = self._seen(request), request.path_params["name"]
        if name not in RUN_FILES:
            raise HTTPException(404, "A run has no such file.")
        return _file(self._shop.folder_of(job) / name, f"{job.title}-{name}" if "save" in request.query_params else "")

    async def export(self, request: Request) -> Response:
        """A run's result in any format, made when it is asked for."""
        job, name = self._seen(request), request.path_params["name"]
        if name not in {each for names in EXPORTS.values() for each in names}:
            raise HTTPException(404, "There is no such format.")
        folder = self._shop.folder_of(job)
        answer = await self._shop.bench.do({"chore": "export", "folder": str(folder), "name": name})
        if answer["kind"] != "done":
            return _answer(answer)
        return _file(folder / "exports" / answer["file"], f"{job.title}-{answer['file']}")

    async def enter_shared(self, request: Request) -> Response:
        """Let whoever has the link look at the run."""
        job = self._shop.index.admit(request.path_params["key"], request.state.session)
        if job is None:
            raise HTTPException(404, "This link is no longer shared. Ask for a new one.")
        suffix = "?embed" if "embed" in request.query_params else ""
        return RedirectResponse(f"/{suffix}#{job.id}", 303)

    async def live(self, socket: WebSocket) -> None:
        """News and frames out; what the page shows, and pings, in."""
        await socket.accept()
        outbox = Outbox(socket.state.session)
        self._shop.join(outbox)
        sender = asyncio.create_task(_send_all(outbox, socket))
        try:
            while True:
                self._heard(outbox, await socket.receive_json())
        except (WebSocketDisconnect, ValueError, KeyError):
            pass
        finally:
            sender.cancel()
            self._shop.leave(outbox)

    def _heard(self, outbox: Outbox, message: dict[str, Any]) -> None:
        if "ping" in message:
            outbox.add_event(Message({"kind": "pong", "ping": message["ping"]}).pack())
        if "watch" in message:
            job = self._shop.index.get(str(message["watch"]))
            allowed = job is not None and self._shop.index.may_see(job, outbox.session)
            self._shop.watch(outbox, job if allowed else None)

    def _seen(self, request: Request) -> Job:
        job = self._shop.index.get(request.path_params["id"])
        if job is None or not self._shop.index.may_see(job, request.state.session):
            raise HTTPException(404, "There is no such run, or it is not shared with you.")
        return job

    def _own(self, request: Request) -> Job:
        job = self._seen(request)
        if job.owner != request.state.session:
            raise HTTPException(403, "This run is shared with you to look at; only who started it can change it.")
        return job

    def _require_place(self, session: str) -> None:
        """Raise where the queue is full, the person's or everybody's."""
        settings, waiting = self._shop.settings, self._shop.index.in_state("queued", *WORKING)
        own = sum(job.owner == session for job in waiting)
        if own >= settings.max_queue_each:
            raise HTTPException(429, f"You have {own} runs at work or waiting. Let one finish, or stop one.")
        if len(waiting) >= settings.max_queue + settings.workers:
            raise HTTPException(503, f"The queue is full: {len(waiting)} runs. Try again later.")

    def _require_room(self) -> None:
        used, limit = self._shop.disk_mb(), self._shop.settings.max_disk_mb
        if used > limit:
            raise HTTPException(507, f"The studio's folder is full ({used:,.0f} of {limit:,.0f} MB). Delete some runs.")


async def _send_all(outbox: Outbox, socket: WebSocket) -> None:
    with contextlib.suppress(RuntimeError, WebSocketDisconnect):
        while not outbox.is_flooded:
            await socket.send_bytes(await outbox.next())
        await socket.close()


async def _form(request: Request) -> dict[str, Any]:
    body = b""
    async for chunk in request.stream():
        body += chunk
        if len(body) > MAX_FORM:
            raise HTTPException(413, "The form is too long.")
    try:
        form = json.loads(body or b"{}")
    except ValueError as error:
        raise HTTPException(400, "The form is not JSON.") from error
    if not isinstance(form, dict):
        raise HTTPException(400, "The form is not a JSON object.")
    return form


def _file(path: Path, name: str = "") -> Response:
    if not path.is_file():
        raise HTTPException(404, "This file is not there yet.")
    return FileResponse(path, filename=name or None)


def _answer(answer: dict[str, Any]) -> Response:
    return JSONResponse(answer, 200 if answer["kind"] == "done" else 400)
