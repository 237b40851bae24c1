"""Messages that wait to be sent to one open page."""

import asyncio
from collections import deque

MAX_EVENTS = 2_000
"""A page with more unsent events than these is taken for dead and disconnected."""


class ClientQueue:
    """Events in order, and only the newest frame of each kind: a slow page skips frames but misses no event."""

    def __init__(self, session: str) -> None:
        self.session = session
        self.watching: str | None = None
        """Id of the run that the page shows."""
        self._events: deque[bytes] = deque()
        self._frames: dict[str, bytes] = {}
        self._ready = asyncio.Event()

    def add_event(self, packed: bytes) -> None:
        """Append an event."""
        self._events.append(packed)
        self._ready.set()

    def set_frame(self, kind: str, packed: bytes) -> None:
        """Replace the unsent frame of this kind."""
        self._frames[kind] = packed
        self._ready.set()

    @property
    def is_overfull(self) -> bool:
        """Whether the page seems to read no more."""
        return len(self._events) > MAX_EVENTS

    async def next(self) -> bytes:
        """Wait for the next message to send; events go before frames."""
        while True:
            if self._events:
                return self._events.popleft()
            if self._frames:
                return self._frames.pop(next(iter(self._frames)))
            self._ready.clear()
            await self._ready.wait()
