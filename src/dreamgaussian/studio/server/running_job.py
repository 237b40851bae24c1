"""A run whose worker is at work, and what a page that joins late is sent."""

from dataclasses import dataclass, field
from typing import Any

from dreamgaussian.studio.messages import Message
from dreamgaussian.studio.server.client_queue import ClientQueue
from dreamgaussian.studio.server.jobs import JobState
from dreamgaussian.studio.server.workers import Worker

OUTCOMES: dict[str, JobState] = {"finished": "finished", "stopped": "stopped", "failed": "failed"}
"""States after the worker's last message, by its kind."""


@dataclass
class RunningJob:
    """One run at work."""

    job_id: str
    worker: Worker
    losses: list[tuple[str, int, float]] = field(default_factory=list[tuple[str, int, float]])
    """(stage, step, loss) of all steps so far."""
    progress: dict[str, Any] = field(default_factory=dict[str, Any])
    """Header of the last `progress` message."""
    frames: dict[str, bytes] = field(default_factory=dict[str, bytes])
    """The last frame of each kind, packed."""
    saved_step: int = 0
    """Step of the last checkpoint; 0 before the first one."""
    outcome: JobState | None = None
    """State after the worker's last message; None while it works, and where it crashed."""

    def record(self, message: Message) -> None:
        """Keep what later pages need of a worker's message."""
        header = message.header
        match message.kind:
            case "splats" | "mesh":
                self.frames[frame_kind(message)] = message.pack()
            case "progress":
                self.losses += header["losses"]
                self.progress = header
            case "saved":
                self.saved_step = header["step"]
            case "finished" | "stopped" | "failed":
                self.outcome = OUTCOMES[message.kind]
            case _:
                pass

    def replay(self, client: ClientQueue) -> None:
        """Send a page all losses so far and the last frames."""
        if self.progress:
            client.add_event(Message({**self.progress, "losses": self.losses, "whole": True}).pack())
        for kind, packed in self.frames.items():
            client.set_frame(kind, packed)

    def interruption(self, reason: str) -> str:
        """The error of a run that broke off for this reason."""
        kept = f"step {self.saved_step} is kept" if self.saved_step else "nothing was saved yet"
        return f"{reason}; {kept}. Press Resume to go on from there."


def frame_kind(message: Message) -> str:
    """Frames of the same kind replace one another: splats, first mesh, final mesh."""
    return message.kind + message.header.get("name", "")
