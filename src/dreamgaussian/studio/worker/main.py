"""A worker's process: `python -m dreamgaussian.studio.worker.main`, its task in the first line that it reads.

It speaks to the server through its standard output, and hears from it through its standard input; when the server
goes, that ends, and the worker saves its state and follows.
"""

import os

os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

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


class Line:
    """The line to the server. The image's path is nobody's concern: what is said of it is said of the image."""

    def __init__(self, output: BinaryIO) -> None:
        self._output = output
        self.image = ""
        """The path of the image at hand."""

    def send(self, message: Message) -> None:
        """Write one message, at once."""
        header = message.header
        for name in {"text", "error"} & header.keys() if self.image else ():
            header = {**header, name: header[name].replace(self.image, "your image")}
        with contextlib.suppress(BrokenPipeError):  # without a server, `Controls` ends the job, which saves its state
            self._output.write(Message(header, message.payload).pack())
            self._output.flush()

    def answer(self, work: Callable[[], object]) -> None:
        """Do some work; send what went wrong, if it did, in words."""
        try:
            work()
        except DreamGaussianError as error:
            self.fail(str(error))
        except MemoryError:
            self.fail("There was not enough memory. Choose smaller settings.")
        except Exception as error:  # the person shall read something, and the log hold the rest
            traceback.print_exc()
            self.fail(
                f"Something went wrong that should not ({type(error).__name__}: {error}). The log has the details."
            )

    def fail(self, words: str) -> None:
        """The last message of work that failed."""
        self.send(Message({"kind": "failed", "error": words}))


class Notes(logging.Handler):
    """What the library logs, as notes on the page."""

    def __init__(self, line: Line) -> None:
        super().__init__(logging.INFO)
        self._line = line

    def emit(self, record: logging.LogRecord) -> None:
        """Send one note."""
        self._line.send(Message({"kind": "note", "text": record.getMessage()}))


def main() -> None:
    """Read the task, do it, and say how it ended."""
    line = Line(_take_standard_output())
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C in the terminal is the server's, who tells us what to do
    if hasattr(os, "nice"):
        os.nice(NICENESS)
    logger = logging.getLogger("dreamgaussian")
    logger.setLevel(logging.INFO)
    logger.addHandler(Notes(line))
    task: dict[str, Any] = json.loads(sys.stdin.readline())
    if task["do"] == "make":
        line.answer(lambda: _make(task, line))
    else:
        _do_chores(line)


def _make(task: dict[str, Any], line: Line) -> None:
    from dreamgaussian.config import from_json
    from dreamgaussian.studio.worker.controls import Controls

    controls = Controls(sys.stdin)
    from dreamgaussian.studio.worker.run_job import Assignment, make

    folder = Path(task["folder"])
    line.image = str(folder / "input")
    assignment = Assignment(folder, from_json(task["config"]), task["has_picture"], task["resume"], task["max_pixels"])
    make(assignment, controls, line.send)


def _do_chores(line: Line) -> None:
    from dreamgaussian.studio.worker import tasks as chores

    for request in sys.stdin:
        chore = json.loads(request)
        line.image = chore.get("image", "")
        line.answer(lambda chore=chore: line.send(Message({"kind": "done", **chores.do(chore)})))


def _take_standard_output() -> BinaryIO:
    """Standard output for messages alone: what anything prints goes to the log."""
    output = os.fdopen(os.dup(sys.stdout.fileno()), "wb")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    return output


if __name__ == "__main__":
    main()
