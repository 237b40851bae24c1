"""Worker processes, as the server sees them."""

import asyncio
import contextlib
import json
import os
import signal
import sys
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import Any

from dreamgaussian.studio.messages import PREFIX, unpack

WORKER_COMMAND = (sys.executable, "-m", "dreamgaussian.studio.worker")
TASK_TIMEOUT_S = 120.0


class Worker:
    """A worker process: JSON and commands in, one a line; packed messages out."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        assert process.stdin is not None
        assert process.stdout is not None
        self._process = process
        self._input = process.stdin
        self._output = process.stdout

    @classmethod
    async def start(cls, command: Sequence[str], assignment: dict[str, Any], log: Path) -> "Worker":
        """Start a worker process.

        Args:
            command: Program and arguments, `WORKER_COMMAND` outside tests.
            assignment: What the worker does, its first line of input: `{"do": "run", ...}` with the fields of
                `run_job.JobSpec`, or `{"do": "tasks"}`.
            log: File to which its standard error is appended.
        """
        with log.open("ab") as file:
            process = await asyncio.create_subprocess_exec(
                *command,
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                stderr=file,
                env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
            )
        worker = cls(process)
        worker.send(json.dumps(assignment))
        return worker

    @property
    def pid(self) -> int:
        """The process's id."""
        return self._process.pid

    def send(self, line: str) -> None:
        """Send a command or a task. A worker that has ended ignores it."""
        if not self._input.is_closing():
            self._input.write(line.encode() + b"\n")

    async def messages(self) -> AsyncIterator[bytes]:
        """The packed messages, until the process ends."""
        with contextlib.suppress(asyncio.IncompleteReadError):
            while True:
                prefix = await self._output.readexactly(PREFIX.size)
                yield prefix + await self._output.readexactly(sum(PREFIX.unpack(prefix)))

    async def end(self, grace_s: float = 0.0) -> None:
        """Ask the worker to save its state and stop, and kill it after `grace_s` seconds."""
        if self._process.returncode is None and grace_s:
            self.send("stop")
            self._input.close()
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._process.wait(), grace_s)
        self.kill()
        await self._process.wait()

    def kill(self) -> None:
        """End the process at once."""
        if self._process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.pid, signal.SIGKILL)  # Process.kill would reap it, and its exit code with it

    async def exit_reason(self) -> str:
        """Wait for the end of the process and say how it ended."""
        code = await self._process.wait()
        if code >= 0:
            return f"its process ended with code {code}"
        name = signal.Signals(-code).name
        hint = ", perhaps because memory ran out" if name == "SIGKILL" else ""
        return f"its process was ended by {name}{hint}"


class TaskWorker:
    """A worker for short tasks, one at a time; it is started on demand, and anew after a crash or a timeout."""

    def __init__(self, command: Sequence[str], log: Path) -> None:
        self._command = command
        self._log = log
        self._worker: Worker | None = None
        self._turn = asyncio.Lock()

    async def run(self, task: dict[str, Any]) -> dict[str, Any]:
        """Have a task of `worker/tasks.py` done.

        Returns:
            The header of the worker's last message, of kind `done` or `failed`, and under `notes` the texts before it.
        """
        async with self._turn:
            if self._worker is None:
                self._worker = await Worker.start(self._command, {"do": "tasks"}, self._log)
            self._worker.send(json.dumps(task))
            try:
                return await asyncio.wait_for(self._answer(self._worker), TASK_TIMEOUT_S)
            except (TimeoutError, EOFError) as error:
                worker, self._worker = self._worker, None
                await worker.end()
                reason = "it took too long" if isinstance(error, TimeoutError) else await worker.exit_reason()
                return {"kind": "failed", "error": f"This failed ({reason}). Try another image or format."}

    async def end(self) -> None:
        """End the worker."""
        if self._worker is not None:
            await self._worker.end()

    async def _answer(self, worker: Worker) -> dict[str, Any]:
        notes: list[str] = []
        async for packed in worker.messages():
            message = unpack(packed)
            if message.kind == "note":
                notes.append(message.header["text"])
            else:
                return {**message.header, "notes": notes}
        raise EOFError
