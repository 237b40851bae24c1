"""The shop floor: the queue, the workers, and who hears about them."""

import asyncio
import json
import shutil
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from dreamgaussian.studio.messages import Message, unpack
from dreamgaussian.studio.server.client_queue import Outbox
from dreamgaussian.studio.server.jobs import WORKING, Job, JobIndex, JobState
from dreamgaussian.studio.server.workers import Bench, Worker
from dreamgaussian.studio.settings import StudioSettings

FAREWELL = 10.0
"""Seconds that a worker has to save its state when it is stopped."""
ENDINGS: dict[str, JobState] = {"finished": "finished", "stopped": "stopped", "failed": "failed"}


@dataclass
class Running:
    """A run at work, and what a page that joins late must be told."""

    worker: Worker
    losses: list[tuple[str, int, float]] = field(default_factory=list[tuple[str, int, float]])
    progress: dict[str, Any] = field(default_factory=dict[str, Any])
    frames: dict[str, bytes] = field(default_factory=dict[str, bytes])
    saved_step: int = 0
    ending: JobState | None = None


class Shop:
    """Everything that lives while the server does."""

    def __init__(self, settings: StudioSettings) -> None:
        self.settings = settings
        self.folder = settings.folder
        self.folder.mkdir(parents=True, exist_ok=True)
        self.index = JobIndex(self.folder / "studio.sqlite3")
        self.bench = Bench(self.folder / "bench.log")
        self.outboxes: set[Outbox] = set()
        self._running: dict[str, Running] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._closing = False

    def open(self) -> None:
        """Take up where the last server ended: what it left at work was interrupted, what waited goes on waiting."""
        for job in self.index.in_state(*WORKING):
            kept = "its last checkpoint is kept" if self._checkpoint(job).exists() else "nothing was saved yet"
            self.index.update(
                job.id, state="interrupted", error=f"The server broke off; {kept}. Press Resume to go on."
            )
        self._schedule()

    async def close(self) -> None:
        """End all workers; each may save its state first."""
        self._closing = True
        await asyncio.gather(*(running.worker.end(FAREWELL) for running in self._running.values()), self.bench.end())
        await asyncio.gather(*self._tasks)
        self.index.close()

    def folder_of(self, job: Job) -> Path:
        """Where a run's files are."""
        return self.folder / job.id

    def describe(self, job: Job, session: str) -> dict[str, Any]:
        """A run, as the page of a session shows it."""
        mine = job.owner == session
        waiting = [each.id for each in self.index.in_state("queued")]
        folder = self.folder_of(job)
        stands = {"stage": job.stage, "step": job.step, "steps": job.steps}
        if running := self._running.get(job.id):
            stands |= {name: running.progress[name] for name in stands if name in running.progress}
        return {
            "id": job.id,
            "title": job.title,
            "state": job.state,
            "error": job.error,
            "created": job.created,
            "config": json.loads(job.config),
            "has_picture": job.has_picture,
            **stands,
            "mine": mine,
            "share_key": job.share_key if mine else None,
            "position": waiting.index(job.id) + 1 if job.id in waiting else 0,
            "files": sorted(path.name for path in folder.iterdir() if path.is_file()) if folder.exists() else [],
        }

    def enqueue(self, job: Job) -> None:
        """Put a run at the end of the queue."""
        self.index.update(job.id, state="queued", error="", queued=time.time())
        self._tell_of(job.id)
        self._schedule()

    def control(self, job: Job, wish: str) -> None:
        """Pass a wish on to the worker of a run; one that only waits is taken out of the queue by `stop`."""
        running = self._running.get(job.id)
        if running is not None:
            running.worker.tell(wish)
            if wish == "stop":
                self._start(self._end(running.worker))
        elif wish == "stop" and job.state == "queued":
            self.index.update(job.id, state="stopped")
            self._tell_queue()

    async def delete(self, job: Job) -> None:
        """End a run's worker and remove its files and its entry."""
        running = self._running.get(job.id)
        self.index.delete(job.id)
        if running is not None:
            await running.worker.end()
        shutil.rmtree(self.folder_of(job), ignore_errors=True)
        for outbox in self.outboxes:
            outbox.add_event(Message({"kind": "gone", "job": job.id}).pack())
        self._tell_queue()

    def watch(self, outbox: Outbox, job: Job | None) -> None:
        """Let a page see a run live, and tell it all that it has missed."""
        before, outbox.watching = outbox.watching, None if job is None else job.id
        for job_id in {before, outbox.watching} - {None}:
            self._tell_watched(job_id or "")
        running = None if job is None else self._running.get(job.id)
        if running is not None and job is not None:
            if running.progress:
                whole = {**running.progress, "losses": running.losses, "job": job.id, "whole": True}
                outbox.add_event(Message(whole).pack())
            for kind, packed in running.frames.items():
                outbox.set_frame(kind, packed)

    def join(self, outbox: Outbox) -> None:
        """A page was opened."""
        self.outboxes.add(outbox)

    def leave(self, outbox: Outbox) -> None:
        """A page was closed."""
        self.outboxes.discard(outbox)
        self.watch(outbox, None)

    def disk_mb(self) -> float:
        """What all runs' folders hold."""
        return sum(path.stat().st_size for path in self.folder.rglob("*") if path.is_file()) / 1e6

    def _start(self, work: Any) -> None:
        task: asyncio.Task[None] = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _end(self, worker: Worker) -> None:
        await worker.end(FAREWELL)

    def _schedule(self) -> None:
        """Give waiting runs to free workers."""
        for job in self.index.in_state("queued"):
            if self._closing or len(self.index.in_state(*WORKING)) >= self.settings.workers:
                break
            self.index.update(job.id, state="running", stage="Opening", step=0)
            self._start(self._work(job))
        self._tell_queue()

    async def _work(self, job: Job) -> None:
        """One run, from the start of its worker to its end, whatever that is; then it is the next one's turn."""
        try:
            await self._run(job)
        except OSError as error:
            self.index.update(job.id, state="failed", error=f"No worker could be started ({error}).")
        finally:
            self._running.pop(job.id, None)
            self._tell_of(job.id)
            self._schedule()

    async def _run(self, job: Job) -> None:
        task = {
            "do": "make",
            "folder": str(self.folder_of(job)),
            "config": json.loads(job.config),
            "has_picture": job.has_picture,
            "resume": self._checkpoint(job).exists(),
            "max_pixels": round(self.settings.max_megapixels * 1e6),
        }
        running = Running(await Worker.start(task, self.folder_of(job) / "worker.log"))
        if self.index.get(job.id) is None:  # deleted meanwhile
            await running.worker.end()
            return
        self._running[job.id] = running
        self._tell_of(job.id)
        self._tell_watched(job.id)
        async for packed in running.worker.messages():
            self._hear(job.id, running, packed)
        obituary = await running.worker.obituary()
        if running.ending is None or (self._closing and running.ending == "stopped"):
            self.index.update(job.id, state="interrupted", error=_interruption(running, obituary, self._closing))

    def _checkpoint(self, job: Job) -> Path:
        return self.folder_of(job) / "fit.safetensors"

    def _hear(self, job_id: str, running: Running, packed: bytes) -> None:
        """Keep what later pages must know of a message, and pass it on to those that watch."""
        message = unpack(packed)
        header = message.header
        match message.kind:
            case "splats" | "mesh":
                kind = message.kind + header.get("name", "")
                stamped = Message({**header, "job": job_id}, message.payload).pack()
                running.frames[kind] = stamped
                for outbox in self._watchers(job_id):
                    outbox.set_frame(kind, stamped)
                return
            case "progress":
                running.losses += header["losses"]
                running.progress = header
                if header["stage"] != "Gaussians" or header["step"] == header["steps"] or header["step"] % 20 == 0:
                    self.index.update(job_id, stage=header["stage"], step=header["step"], steps=header["steps"])
            case "opened":
                self._know_elevation(job_id, header["elevation_deg"])
            case "saved":
                running.saved_step = header["step"]
            case "paused" | "resumed":
                self.index.update(job_id, state="paused" if message.kind == "paused" else "running")
                self._tell_of(job_id)
            case "finished" | "stopped" | "failed":
                running.ending = ENDINGS[message.kind]
                self.index.update(job_id, state=running.ending, error=header.get("error", ""))
            case _:
                pass
        for outbox in self._watchers(job_id):
            outbox.add_event(Message({**header, "job": job_id}).pack())

    def _know_elevation(self, job_id: str, elevation_deg: float | None) -> None:
        """Keep the elevation of the input's view, which an image that was made of words brings along."""
        job = self.index.get(job_id)
        if job is not None and elevation_deg is not None:
            config = json.loads(job.config)
            config["subject"]["elevation_deg"] = elevation_deg
            self.index.update(job_id, config=json.dumps(config))
        self._tell_of(job_id)

    def _watchers(self, job_id: str) -> list[Outbox]:
        return [outbox for outbox in self.outboxes if outbox.watching == job_id]

    def _tell_watched(self, job_id: str) -> None:
        """Tell a run's worker whether frames are worth their while."""
        if running := self._running.get(job_id):
            running.worker.tell("watch" if self._watchers(job_id) else "unwatch")

    def _tell_of(self, job_id: str) -> None:
        """Tell all open pages that may see a run how it stands."""
        job = self.index.get(job_id)
        if job is None:
            return
        for outbox in self.outboxes:
            if self.index.may_see(job, outbox.session):
                outbox.add_event(Message({"kind": "job", "job": self.describe(job, outbox.session)}).pack())

    def _tell_queue(self) -> None:
        for job in self.index.in_state("queued", "stopped"):
            self._tell_of(job.id)


def _interruption(running: Running, obituary: str, closing: bool) -> str:
    kept = f"step {running.saved_step} is kept" if running.saved_step else "nothing was saved yet"
    reason = "The server was ended" if closing else f"The run broke off: {obituary}"
    return f"{reason}; {kept}. Press Resume to go on from there."
