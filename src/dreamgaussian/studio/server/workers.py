"""Worker processes, as the server sees them."""

import asyncio
import contextlib
import json
import os
import signal
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

from dreamgaussian.studio.messages import PREFIX, unpack

COMMAND = (sys.executable, "-m", "dreamgaussian.studio.worker.main")
CHORE_SECONDS = 120.0
"""A chore that takes longer is given up."""


class Worker:
    """A running worker process."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        assert process.stdin is not None
        assert process.stdout is not None
        self._process = process
        self._input = process.stdin
        self._output = process.stdout

    @classmethod
    async def start(cls, task: dict[str, Any], log: Path) -> "Worker":
        """Start a worker on a task; what it prints goes to the log."""
        with log.open("ab") as file:
            process = await asyncio.create_subprocess_exec(
                *COMMAND,
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                stderr=file,
                env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
            )
        worker = cls(process)
        worker.tell(json.dumps(task))
        return worker

    @property
    def pid(self) -> int:
        """The process's id."""
        return self._process.pid

    def tell(self, line: str) -> None:
        """Send a wish, or a chore; to a worker that has ended it means nothing."""
        if not self._input.is_closing():
            self._input.write(line.encode() + b"\n")

    async def messages(self) -> AsyncIterator[bytes]:
        """The packed messages, to the end of the process."""
        with contextlib.suppress(asyncio.IncompleteReadError):
            while True:
                prefix = await self._output.readexactly(PREFIX.size)
                yield prefix + await self._output.readexactly(sum(PREFIX.unpack(prefix)))

    async def end(self, grace: float = 0.0) -> None:
        """Let the worker save its state within some seconds; then it is killed."""
        if self._process.returncode is None and grace:
            self.tell("stop")
            self._input.close()
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._process.wait(), grace)
        self.kill()
        await self._process.wait()

    def kill(self) -> None:
        """End the process at once."""
        if self._process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.pid, signal.SIGKILL)  # Process.kill would reap it, and its exit code with it

    async def obituary(self) -> str:
        """How the process ended, in words."""
        code = await self._process.wait()
        if code >= 0:
            return f"its process ended with code {code}"
        name = signal.Signals(-code).name
        hint = ", perhaps for want of memory" if name == "SIGKILL" else ""
        return f"its process was ended by {name}{hint}"


class Bench:
    """One worker that does the chores, one after the other; a new one takes its place when it breaks."""

    def __init__(self, log: Path) -> None:
        self._log = log
        self._worker: Worker | None = None
        self._turn = asyncio.Lock()

    async def do(self, chore: dict[str, Any]) -> dict[str, Any]:
        """Have a chore done; the values of the last message, of kind `done` or `failed`, and the notes before it."""
        async with self._turn:
            if self._worker is None:
                self._worker = await Worker.start({"do": "chores"}, self._log)
            self._worker.tell(json.dumps(chore))
            try:
                return await asyncio.wait_for(self._answer(self._worker), CHORE_SECONDS)
            except (TimeoutError, EOFError) as error:
                worker, self._worker = self._worker, None
                await worker.end()
                reason = "took too long" if isinstance(error, TimeoutError) else await worker.obituary()
                return {"kind": "failed", "error": f"This could not be done ({reason}). Try another image or format."}

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
