"""What waits to be sent to one open page."""

import asyncio
from collections import deque

MAX_EVENTS = 2_000
"""A page that lets more than these pile up is not listening."""


class Outbox:
    """Events in their order, and of every kind of frame only the newest: a slow page skips frames, no news."""

    def __init__(self, session: str) -> None:
        self.session = session
        self.watching: str | None = None
        """The run that the page shows."""
        self._events: deque[bytes] = deque()
        self._frames: dict[str, bytes] = {}
        self._ready = asyncio.Event()

    def add_event(self, packed: bytes) -> None:
        """Put news at the end of the line."""
        self._events.append(packed)
        self._ready.set()

    def set_frame(self, kind: str, packed: bytes) -> None:
        """Put a frame in place of the one that was not yet sent."""
        self._frames[kind] = packed
        self._ready.set()

    @property
    def is_flooded(self) -> bool:
        """Whether nobody seems to read any more."""
        return len(self._events) > MAX_EVENTS

    async def next(self) -> bytes:
        """The next message to send, as soon as there is one."""
        while True:
            if self._events:
                return self._events.popleft()
            if self._frames:
                return self._frames.pop(next(iter(self._frames)))
            self._ready.clear()
            await self._ready.wait()
