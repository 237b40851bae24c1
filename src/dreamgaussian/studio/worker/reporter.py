"""What a working job tells those who watch it: numbers many times a second, splats and meshes a few times."""

import time
from collections import deque
from collections.abc import Callable
from typing import Any

from dreamgaussian.core.mesh import Mesh
from dreamgaussian.formats.glb import glb_bytes
from dreamgaussian.formats.splat import splat_bytes
from dreamgaussian.pipeline import Snapshot, Stage
from dreamgaussian.studio.messages import Message

NUMBERS_EVERY = 0.1
"""Seconds between two reports of numbers."""
FRAMES_EVERY = 0.25
"""Seconds between two frames, at least."""
FRAMES_SHARE = 0.04
"""Share of the job's CPU time that frames may take."""
RATE_OVER = 5.0
"""Seconds over which the speed is averaged."""

Send = Callable[[Message], None]


class Reporter:
    """Turns snapshots into messages, no more than the job can spare."""

    def __init__(self, send: Send, last_stage: Stage) -> None:
        self._send = send
        self._last_stage = last_stage
        self._losses: list[tuple[str, int, float]] = []
        self._ticks: deque[tuple[float, int]] = deque()
        self._stage = ""
        self._numbers_due = 0.0
        self._frame_due = 0.0
        self._frame_due_cpu = 0.0
        self._last_mesh: Mesh | None = None

    def report(self, snapshot: Snapshot, *, watched: bool) -> None:
        """Tell what is due."""
        now = time.perf_counter()
        is_new = snapshot.stage != self._stage
        if is_new:
            self._stage = snapshot.stage
            self._ticks.clear()
        self._ticks.append((now, snapshot.step))
        while now - self._ticks[0][0] > RATE_OVER and len(self._ticks) > 2:
            self._ticks.popleft()
        if snapshot.loss is not None:
            self._losses.append((snapshot.stage, snapshot.step, round(snapshot.loss, 6)))
        if is_new or now >= self._numbers_due or snapshot.step == snapshot.steps:
            self._numbers_due = now + NUMBERS_EVERY
            self._send(Message(self._numbers(snapshot)))
        if watched and now >= self._frame_due and time.process_time() >= self._frame_due_cpu:
            self.show(snapshot)

    def show(self, snapshot: Snapshot) -> None:
        """Send what there is to be seen, and put the next frame off by what this one cost."""
        began, began_cpu = time.perf_counter(), time.process_time()
        if snapshot.mesh is not None:
            if snapshot.mesh is not self._last_mesh:
                self._last_mesh = snapshot.mesh
                self.show_mesh(snapshot.mesh, "final" if snapshot.stage == self._last_stage else "first")
        else:
            header = {"kind": "splats", "stage": snapshot.stage, "step": snapshot.step}
            self._send(Message(header, splat_bytes(snapshot.gaussians)))
        self._frame_due = began + FRAMES_EVERY
        self._frame_due_cpu = began_cpu + (time.process_time() - began_cpu) / FRAMES_SHARE

    def show_mesh(self, mesh: Mesh, name: str) -> None:
        """Send a mesh: a `first` one, with the colours of the Gaussians, or the `final` one."""
        self._send(Message({"kind": "mesh", "name": name, "faces": len(mesh.faces)}, glb_bytes(mesh)))

    def rest(self) -> None:
        """The job waited: its speed is measured anew."""
        self._ticks.clear()

    def _numbers(self, snapshot: Snapshot) -> dict[str, Any]:
        (began, first), (now, last) = self._ticks[0], self._ticks[-1]
        rate = (last - first) / (now - began) if last > first else None
        losses, self._losses = self._losses, []
        return {
            "kind": "progress",
            "stage": snapshot.stage,
            "step": snapshot.step,
            "steps": snapshot.steps,
            "losses": losses,
            "gaussians": len(snapshot.gaussians),
            "faces": 0 if snapshot.mesh is None else len(snapshot.mesh.faces),
            "steps_per_second": None if rate is None else round(rate, 3),
            "seconds_left": None if rate is None else round((snapshot.steps - snapshot.step) / rate, 1),
        }
