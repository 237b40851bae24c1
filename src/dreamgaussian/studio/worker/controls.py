"""What the page wishes of a job, heard by a thread while the job works."""

import os
import threading
from typing import TextIO

LAST_WILL = 15.0
"""Seconds that a worker may take to save its state once the server is gone."""


class Controls:
    """Lines of one wish each: pause, resume, stop, extract, watch, unwatch. The end of the stream means stop."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._changed = threading.Condition()
        self._paused = False
        self._stopping = False
        self._extracting = False
        self._watched = False
        threading.Thread(target=self._listen, daemon=True).start()

    @property
    def watched(self) -> bool:
        """Whether anybody looks."""
        return self._watched

    @property
    def stopping(self) -> bool:
        """Whether the job shall save its state and end."""
        return self._stopping

    @property
    def paused(self) -> bool:
        """Whether the job shall wait."""
        return self._paused and not self._stopping

    def take_extract(self) -> bool:
        """Whether a mesh is wanted now; asked once, answered once."""
        with self._changed:
            wanted, self._extracting = self._extracting, False
            return wanted

    def wait_for_change(self) -> None:
        """Sleep until the next wish, if there is nothing to do."""
        with self._changed:
            if self.paused and not self._extracting:
                self._changed.wait()

    def _listen(self) -> None:
        for line in self._stream:
            self._hear(line.strip())
        self._hear("stop")
        watchdog = threading.Timer(LAST_WILL, os._exit, [1])
        watchdog.daemon = True
        watchdog.start()

    def _hear(self, wish: str) -> None:
        with self._changed:
            match wish:
                case "pause" | "resume":
                    self._paused = wish == "pause"
                case "watch" | "unwatch":
                    self._watched = wish == "watch"
                case "stop":
                    self._stopping = True
                case "extract":
                    self._extracting = True
                case _:
                    pass
            self._changed.notify_all()
