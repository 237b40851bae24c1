"""A worker's process: `python -m dreamgaussian.studio.worker`, with its assignment in the first line of its input.

It sends messages to the server through its standard output and receives commands through its standard input. When
the server ends, so does the input; the worker then saves its state and exits.
"""

import os

os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")  # OpenMP's spinning makes several programs on one machine crawl

import contextlib
import json
import logging
import signal
import sys
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any, BinaryIO

from dreamgaussian.core.errors import DreamGaussianError
from dreamgaussian.studio.messages import Message

NICENESS = 2
"""The page and the server come first."""


class ServerPipe:
    """Messages to the server; the path of the image at hand reads "your image" in them."""

    def __init__(self, output: BinaryIO) -> None:
        self._output = output
        self.image = ""
        """Path of the image at hand."""

    def send(self, message: Message) -> None:
        """Write one message at once."""
        header = message.header
        for name in {"text", "error"} & header.keys() if self.image else ():
            header = {**header, name: header[name].replace(self.image, "your image")}
        with contextlib.suppress(BrokenPipeError):  # without a server, `Controls` stops the run, which saves its state
            self._output.write(Message(header, message.payload).pack())
            self._output.flush()

    def run(self, work: Callable[[], object]) -> None:
        """Do some work; where it fails, send the error as its last message."""
        try:
            work()
        except DreamGaussianError as error:
            self._fail(str(error))
        except MemoryError:
            self._fail("There was not enough memory. Choose smaller settings.")
        except Exception as error:  # the page shows one line, and the log holds the traceback
            traceback.print_exc()
            self._fail(f"Unexpected error ({type(error).__name__}: {error}). The log has the details.")

    def _fail(self, error: str) -> None:
        self.send(Message({"kind": "failed", "error": error}))


class NoteHandler(logging.Handler):
    """Sends the library's log messages to the page, as notes."""

    def __init__(self, pipe: ServerPipe) -> None:
        super().__init__(logging.INFO)
        self._pipe = pipe

    def emit(self, record: logging.LogRecord) -> None:
        """Send one note."""
        self._pipe.send(Message({"kind": "note", "text": record.getMessage()}))


def main() -> None:
    """Read the assignment and carry it out."""
    pipe = ServerPipe(_take_standard_output())
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C in the terminal is the server's, who tells us what to do
    if hasattr(os, "nice"):
        os.nice(NICENESS)
    logger = logging.getLogger("dreamgaussian")
    logger.setLevel(logging.INFO)
    logger.addHandler(NoteHandler(pipe))
    assignment: dict[str, Any] = json.loads(sys.stdin.readline())
    if assignment["do"] == "run":
        pipe.run(lambda: _run(assignment, pipe))
    else:
        _run_tasks(pipe)


def _run(assignment: dict[str, Any], pipe: ServerPipe) -> None:
    from dreamgaussian.config import from_json
    from dreamgaussian.runs.folder import RunFolder
    from dreamgaussian.studio.worker.controls import Controls

    controls = Controls(sys.stdin)  # before the slow imports, so that a stop is heard during them
    from dreamgaussian.studio.worker.run_job import JobSpec, run_job

    folder = Path(assignment["folder"])
    pipe.image = str(RunFolder(folder).input)
    spec = JobSpec(
        folder=folder,
        config=from_json(assignment["config"]),
        has_image=assignment["has_image"],
        resume=assignment["resume"],
        max_pixels=assignment["max_pixels"],
    )
    run_job(spec, controls, pipe.send)


def _run_tasks(pipe: ServerPipe) -> None:
    from dreamgaussian.studio.worker.tasks import run_task

    for line in sys.stdin:
        task = json.loads(line)
        pipe.image = task.get("image", "")
        pipe.run(lambda task=task: pipe.send(Message({"kind": "done", **run_task(task)})))


def _take_standard_output() -> BinaryIO:
    """Standard output for messages alone: whatever is printed goes to the log."""
    output = os.fdopen(os.dup(sys.stdout.fileno()), "wb")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    return output


if __name__ == "__main__":
    main()
