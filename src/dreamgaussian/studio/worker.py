"""A worker's process: `python -m dreamgaussian.studio.worker`, its task in the first line that it reads.

It speaks to the server through its standard output, and hears from it through its standard input; when the server
goes, that ends, and the worker saves its state and follows.
"""

import os

os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

import json
import logging
import signal
import sys
import traceback
from pathlib import Path
from typing import Any, BinaryIO

from dreamgaussian.errors import DreamGaussianError
from dreamgaussian.studio.messages import Message

NICENESS = 2
"""The page and the server come first."""


class Notes(logging.Handler):
    """What the library logs, as notes on the page."""

    def __init__(self, output: BinaryIO) -> None:
        super().__init__(logging.INFO)
        self._output = output

    def emit(self, record: logging.LogRecord) -> None:
        """Send one line."""
        send(self._output, Message({"kind": "note", "text": record.getMessage()}))


def main() -> None:
    """Read the task, do it, and say how it ended."""
    output = _take_standard_output()
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C in the terminal is the server's, who tells us what to do
    if hasattr(os, "nice"):
        os.nice(NICENESS)
    logger = logging.getLogger("dreamgaussian")
    logger.setLevel(logging.INFO)
    logger.addHandler(Notes(output))
    task: dict[str, Any] = json.loads(sys.stdin.readline())
    if task["do"] == "make":
        answer(output, lambda: _make(task, output))
        return
    from dreamgaussian.studio import chores

    for line in sys.stdin:
        chore = json.loads(line)
        answer(output, lambda chore=chore: send(output, Message({"kind": "done", **chores.do(chore)})))


def answer(output: BinaryIO, work: Any) -> None:
    """Do some work; send what went wrong, if it did, in words."""
    try:
        work()
    except DreamGaussianError as error:
        send(output, Message({"kind": "failed", "error": str(error)}))
    except MemoryError:
        send(output, Message({"kind": "failed", "error": "There was not enough memory. Choose smaller settings."}))
    except Exception as error:  # the person shall read something, and the log hold the rest
        traceback.print_exc()
        text = f"Something went wrong that should not ({type(error).__name__}: {error}). worker.log has the details."
        send(output, Message({"kind": "failed", "error": text}))


def send(output: BinaryIO, message: Message) -> None:
    """Write one message, at once."""
    output.write(message.pack())
    output.flush()


def _make(task: dict[str, Any], output: BinaryIO) -> None:
    from dreamgaussian.config import from_json
    from dreamgaussian.studio.controls import Controls

    controls = Controls(sys.stdin)
    from dreamgaussian.studio.making import Assignment, make

    assignment = Assignment(
        Path(task["folder"]), from_json(task["config"]), task["has_picture"], task["resume"], task["max_pixels"]
    )
    make(assignment, controls, lambda message: send(output, message))


def _take_standard_output() -> BinaryIO:
    """Standard output for messages alone: what anything prints goes to the log."""
    output = os.fdopen(os.dup(sys.stdout.fileno()), "wb")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    return output


if __name__ == "__main__":
    main()
