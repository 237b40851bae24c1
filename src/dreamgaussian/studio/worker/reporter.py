"""What a run at work reports: numbers many times a second, splats and meshes a few times."""

import time
from collections import deque
from collections.abc import Callable
from typing import Any

from dreamgaussian.core.mesh import Mesh
from dreamgaussian.formats.glb import glb_bytes
from dreamgaussian.formats.splat import splat_bytes
from dreamgaussian.pipeline import Snapshot, Stage
from dreamgaussian.studio.messages import Message

NUMBERS_INTERVAL_S = 0.1
"""Between two reports of numbers."""
FRAME_INTERVAL_S = 0.25
"""Between two frames, at least."""
FRAME_CPU_SHARE = 0.04
"""Largest share of the run's CPU time that frames take."""
RATE_WINDOW_S = 5.0
"""Span over which the speed is averaged."""

Send = Callable[[Message], None]


class Reporter:
    """Turns snapshots into messages, within the limits above."""

    def __init__(self, send: Send, last_stage: Stage, *, frame_interval_s: float = FRAME_INTERVAL_S) -> None:
        self._send = send
        self._last_stage = last_stage
        self._frame_interval_s = frame_interval_s
        self._losses: list[tuple[str, int, float]] = []
        self._ticks: deque[tuple[float, int]] = deque()
        self._stage = ""
        self._numbers_due = 0.0
        self._frame_due = 0.0
        self._frame_due_cpu = 0.0
        self._last_mesh: Mesh | None = None

    def report(self, snapshot: Snapshot, *, watched: bool) -> None:
        """Send the numbers and the frame that are due; frames only to pages that watch."""
        now = time.perf_counter()
        is_new = snapshot.stage != self._stage
        if is_new:
            self._stage = snapshot.stage
            self._ticks.clear()
        self._ticks.append((now, snapshot.step))
        while now - self._ticks[0][0] > RATE_WINDOW_S and len(self._ticks) > 2:
            self._ticks.popleft()
        if snapshot.loss is not None:
            self._losses.append((snapshot.stage, snapshot.step, round(snapshot.loss, 6)))
        if is_new or now >= self._numbers_due or snapshot.step == snapshot.steps:
            self._numbers_due = now + NUMBERS_INTERVAL_S
            self._send(Message(self._numbers(snapshot)))
        if watched and now >= self._frame_due and time.process_time() >= self._frame_due_cpu:
            self.show(snapshot)

    def show(self, snapshot: Snapshot) -> None:
        """Send a frame, and put the next one off in proportion to the CPU time that this one took."""
        began, began_cpu = time.perf_counter(), time.process_time()
        if snapshot.mesh is not None:
            if snapshot.mesh is not self._last_mesh:
                self._last_mesh = snapshot.mesh
                self.show_mesh(snapshot.mesh, "final" if snapshot.stage == self._last_stage else "first")
        else:
            header = {"kind": "splats", "stage": snapshot.stage, "step": snapshot.step}
            self._send(Message(header, splat_bytes(snapshot.gaussians)))
        self._frame_due = began + self._frame_interval_s
        self._frame_due_cpu = began_cpu + (time.process_time() - began_cpu) / FRAME_CPU_SHARE

    def show_mesh(self, mesh: Mesh, name: str) -> None:
        """Send a mesh: the `first` one, with the colours of the Gaussians, or the `final` one."""
        self._send(Message({"kind": "mesh", "name": name, "faces": len(mesh.faces)}, glb_bytes(mesh)))

    def restart_clock(self) -> None:
        """Measure the speed anew after a pause."""
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
