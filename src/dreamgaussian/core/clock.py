"""Seconds of each stage of some work."""

import time
from collections.abc import Mapping


class StageClock:
    """Adds up seconds by stage; what goes on between `lap` and `start` is nobody's."""

    def __init__(self, before: Mapping[str, float] | None = None) -> None:
        self._seconds = dict(before or {})
        self.start()

    def start(self) -> None:
        """Seconds count from now on."""
        self._since = time.perf_counter()

    def lap(self, stage: str) -> dict[str, float]:
        """Give the stage the seconds since the last start or lap; all stages' seconds, in the order of their first."""
        now = time.perf_counter()
        self._seconds[stage] = self._seconds.get(stage, 0.0) + now - self._since
        self._since = now
        return dict(self._seconds)
