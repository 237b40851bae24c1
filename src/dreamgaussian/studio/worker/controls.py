"""The commands that a run at work receives, read by a thread of their own."""

import os
import threading
from collections.abc import Callable
from typing import TextIO

ORPHAN_GRACE_S = 15.0
"""Time that a worker has to save its state after the server has ended."""


class Controls:
    """Commands, one a line: pause, resume, stop, extract, watch, unwatch. The end of the stream means stop."""

    def __init__(
        self,
        stream: TextIO,
        *,
        grace_s: float = ORPHAN_GRACE_S,
        exit_process: Callable[[int], object] = os._exit,
    ) -> None:
        """Start to listen.

        Args:
            stream: Where the commands come from; it ends with the server.
            grace_s: Seconds from the end of the stream to the end of the process, whatever it is doing.
            exit_process: Ends the process with an exit code.
        """
        self._stream = stream
        self._grace_s = grace_s
        self._exit_process = exit_process
        self._changed = threading.Condition()
        self._paused = False
        self._stopping = False
        self._extracting = False
        self._watched = False
        threading.Thread(target=self._listen, daemon=True).start()

    @property
    def watched(self) -> bool:
        """Whether a page shows the run."""
        return self._watched

    @property
    def stopping(self) -> bool:
        """Whether the run shall save its state and end."""
        return self._stopping

    @property
    def paused(self) -> bool:
        """Whether the run shall wait."""
        return self._paused and not self._stopping

    def take_extract(self) -> bool:
        """Whether a mesh was asked for since the last call."""
        with self._changed:
            wanted, self._extracting = self._extracting, False
            return wanted

    def wait_for_change(self) -> None:
        """Sleep until the next command, unless there is something to do."""
        with self._changed:
            if self.paused and not self._extracting:
                self._changed.wait()

    def _listen(self) -> None:
        for line in self._stream:
            self._obey(line.strip())
        self._obey("stop")
        watchdog = threading.Timer(self._grace_s, self._exit_process, [1])
        watchdog.daemon = True
        watchdog.start()

    def _obey(self, command: str) -> None:
        with self._changed:
            match command:
                case "pause" | "resume":
                    self._paused = command == "pause"
                case "watch" | "unwatch":
                    self._watched = command == "watch"
                case "stop":
                    self._stopping = True
                case "extract":
                    self._extracting = True
                case _:
                    pass
            self._changed.notify_all()
