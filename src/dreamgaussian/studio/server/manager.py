"""The queue of runs, their workers, and the pages that are told about them."""

import asyncio
import json
import shutil
import time
from collections.abc import Coroutine, Sequence
from pathlib import Path
from typing import Any

from dreamgaussian.runs.folder import RunFolder
from dreamgaussian.studio.messages import Message, unpack
from dreamgaussian.studio.server.client_queue import ClientQueue
from dreamgaussian.studio.server.jobs import WORKING, Job, JobIndex
from dreamgaussian.studio.server.running_job import RunningJob, frame_kind
from dreamgaussian.studio.server.workers import WORKER_COMMAND, TaskWorker, Worker
from dreamgaussian.studio.settings import StudioSettings

SHUTDOWN_GRACE_S = 10.0
"""Time that a worker has to save its state when it is stopped."""
STEPS_PER_UPDATE = 20
"""Steps of stage 1 between two updates of the index, which is written to disk."""


class JobManager:
    """Starts the workers of queued runs, follows their messages, and tells the open pages."""

    def __init__(self, settings: StudioSettings, worker_command: Sequence[str] = WORKER_COMMAND) -> None:
        self.settings = settings
        self.folder = settings.folder
        self.folder.mkdir(parents=True, exist_ok=True)
        self.index = JobIndex(self.folder / "studio.sqlite3")
        self.task_worker = TaskWorker(worker_command, self.folder / "tasks.log")
        self._worker_command = worker_command
        self._clients: set[ClientQueue] = set()
        self._running: dict[str, RunningJob] = {}
        self._background: set[asyncio.Task[None]] = set()
        self._closing = False

    def start(self) -> None:
        """Mark runs that an earlier server left at work as interrupted, and start queued ones."""
        for job in self.index.in_state(*WORKING):
            kept = "its last checkpoint is kept" if self._checkpoint(job).exists() else "nothing was saved yet"
            self.index.update(
                job.id, state="interrupted", error=f"The server ended unexpectedly; {kept}. Press Resume to go on."
            )
        self._schedule()

    async def close(self) -> None:
        """End all workers, which may save their state first."""
        self._closing = True
        workers = [running.worker for running in self._running.values()]
        await asyncio.gather(*(worker.end(SHUTDOWN_GRACE_S) for worker in workers), self.task_worker.end())
        await asyncio.gather(*self._background)
        self.index.close()

    def folder_of(self, job: Job) -> Path:
        """The folder of a run's files."""
        return self.folder / job.id

    def describe(self, job: Job, session: str) -> dict[str, Any]:
        """A run as the page of a session shows it."""
        is_own = job.owner == session
        queued = [waiting.id for waiting in self.index.in_state("queued")]
        folder = self.folder_of(job)
        position = {"stage": job.stage, "step": job.step, "steps": job.steps}
        if running := self._running.get(job.id):
            position |= {name: running.progress[name] for name in position if name in running.progress}
        return {
            "id": job.id,
            "title": job.title,
            "state": job.state,
            "error": job.error,
            "created": job.created,
            "config": json.loads(job.config),
            "has_image": job.has_image,
            **position,
            "mine": is_own,
            "share_key": job.share_key if is_own else None,
            "position": queued.index(job.id) + 1 if job.id in queued else 0,
            "files": sorted(path.name for path in folder.iterdir() if path.is_file()) if folder.exists() else [],
        }

    def enqueue(self, job: Job) -> None:
        """Put a run at the end of the queue."""
        self.index.update(job.id, state="queued", error="", queued=time.time())
        self._announce(job.id)
        self._schedule()

    def command(self, job: Job, command: str) -> None:
        """Pass a command (`worker/controls.py`) to the worker of a run; `stop` takes a queued run out of the queue."""
        running = self._running.get(job.id)
        if running is not None:
            running.worker.send(command)
            if command == "stop":
                self._in_background(running.worker.end(SHUTDOWN_GRACE_S))
        elif command == "stop" and job.state == "queued":
            self.index.update(job.id, state="stopped")
            self._announce_queue()

    async def delete(self, job: Job) -> None:
        """End a run's worker and remove its files and its entry."""
        running = self._running.get(job.id)
        self.index.delete(job.id)
        if running is not None:
            await running.worker.end()
        shutil.rmtree(self.folder_of(job), ignore_errors=True)
        for client in self._clients:
            client.add_event(Message({"kind": "deleted", "job": job.id}).pack())
        self._announce_queue()

    def connect(self, client: ClientQueue) -> None:
        """A page was opened."""
        self._clients.add(client)

    def disconnect(self, client: ClientQueue) -> None:
        """A page was closed."""
        self._clients.discard(client)
        self.watch(client, None)

    def watch(self, client: ClientQueue, job: Job | None) -> None:
        """Let a page follow a run, and send it what it has missed; None to follow none."""
        before, client.watching = client.watching, None if job is None else job.id
        for job_id in (before, client.watching):
            if job_id is not None:
                self._tell_watched(job_id)
        if job is not None and (running := self._running.get(job.id)):
            running.replay(client)

    def disk_mb(self) -> float:
        """Size of the studio's folder in megabytes (10^6 bytes)."""
        return sum(path.stat().st_size for path in self.folder.rglob("*") if path.is_file()) / 1e6

    def _in_background(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._background.add(task)
        task.add_done_callback(self._background.discard)

    def _schedule(self) -> None:
        """Start queued runs while workers are free."""
        for job in self.index.in_state("queued"):
            if self._closing or len(self.index.in_state(*WORKING)) >= self.settings.workers:
                break
            self.index.update(job.id, state="running", stage="Opening", step=0)
            self._in_background(self._work(job))
        self._announce_queue()

    async def _work(self, job: Job) -> None:
        """One run from the start of its worker to its end, however it ends; then the next run's turn."""
        try:
            await self._run(job)
        except OSError as error:
            self.index.update(job.id, state="failed", error=f"No worker could be started ({error}).")
        finally:
            self._running.pop(job.id, None)
            self._announce(job.id)
            self._schedule()

    async def _run(self, job: Job) -> None:
        folder = self.folder_of(job)
        assignment = {
            "do": "run",
            "folder": str(folder),
            "config": json.loads(job.config),
            "has_image": job.has_image,
            "resume": self._checkpoint(job).exists(),
            "max_pixels": round(self.settings.max_megapixels * 1e6),
        }
        running = RunningJob(job.id, await Worker.start(self._worker_command, assignment, folder / "worker.log"))
        if self.index.get(job.id) is None:  # deleted meanwhile
            await running.worker.end()
            return
        self._running[job.id] = running
        self._announce(job.id)
        self._tell_watched(job.id)
        async for packed in running.worker.messages():
            self._handle(running, packed)
        exit_reason = await running.worker.exit_reason()
        if running.outcome is None or (self._closing and running.outcome == "stopped"):
            reason = "The server was stopped" if self._closing else f"The run broke off: {exit_reason}"
            self.index.update(job.id, state="interrupted", error=running.interruption(reason))

    def _checkpoint(self, job: Job) -> Path:
        return RunFolder(self.folder_of(job)).checkpoint

    def _handle(self, running: RunningJob, packed: bytes) -> None:
        """Take note of a worker's message and pass it on to the pages that follow the run."""
        message = unpack(packed)
        message = Message({**message.header, "job": running.job_id}, message.payload)
        running.record(message)
        packed = message.pack()
        if message.kind in ("splats", "mesh"):
            for client in self._watchers(running.job_id):
                client.set_frame(frame_kind(message), packed)
            return
        self._update_index(running.job_id, message)
        for client in self._watchers(running.job_id):
            client.add_event(packed)

    def _update_index(self, job_id: str, message: Message) -> None:
        header = message.header
        match message.kind:
            case "progress":
                stage, step, steps = header["stage"], header["step"], header["steps"]
                if stage != "Gaussians" or step == steps or step % STEPS_PER_UPDATE == 0:
                    self.index.update(job_id, stage=stage, step=step, steps=steps)
            case "opened":
                self._set_elevation(job_id, header["elevation_deg"])
                self._announce(job_id)
            case "paused" | "resumed":
                self.index.update(job_id, state="paused" if message.kind == "paused" else "running")
                self._announce(job_id)
            case "finished" | "stopped" | "failed":
                self.index.update(job_id, state=message.kind, error=header.get("error", ""))
            case _:
                pass

    def _set_elevation(self, job_id: str, elevation_deg: float | None) -> None:
        """Keep the elevation of the input's view: an image made of words comes with its own."""
        job = self.index.get(job_id)
        if job is not None and elevation_deg is not None:
            config = json.loads(job.config)
            config["subject"]["elevation_deg"] = elevation_deg
            self.index.update(job_id, config=json.dumps(config))

    def _watchers(self, job_id: str) -> list[ClientQueue]:
        return [client for client in self._clients if client.watching == job_id]

    def _tell_watched(self, job_id: str) -> None:
        """Tell a run's worker whether anybody looks, so that it need not make frames in vain."""
        if running := self._running.get(job_id):
            running.worker.send("watch" if self._watchers(job_id) else "unwatch")

    def _announce(self, job_id: str) -> None:
        """Send a run's state to all open pages that may see it."""
        job = self.index.get(job_id)
        if job is None:
            return
        for client in self._clients:
            if self.index.may_see(job, client.session):
                client.add_event(Message({"kind": "job", "job": self.describe(job, client.session)}).pack())

    def _announce_queue(self) -> None:
        for job in self.index.in_state("queued", "stopped"):
            self._announce(job.id)
