"""What watching costs, and how quickly the studio answers while a run works: `python benchmarks/studio.py`.

A client without a browser starts a run, receives its frames for some steps, looks away for as many, and so on; the
worker's process CPU time of a step when watched is compared with the same run's steps before and after. Meanwhile the
client pings. Writes benchmarks/results/studio.md.
"""

import argparse
import contextlib
import json
import os
import platform
import statistics
import subprocess
import tempfile
import threading
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from commit import commit
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection

from dreamgaussian.studio.client import Client, LocalStudio
from dreamgaussian.studio.messages import unpack

ROOT = Path(__file__).parents[1]
TICKS = os.sysconf("SC_CLK_TCK")
PING_EVERY = 0.05
SETTLING_STEPS = 10


@dataclass
class Heard:
    """What came over the live connection."""

    round_trips: list[float] = field(default_factory=list[float])
    frames: int = 0
    frame_bytes: int = 0


def main() -> None:
    """Measure, print and write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--image", type=Path, default=ROOT / "examples" / "hamburger.png")
    parser.add_argument("--steps", type=int, default=500)
    parser.add_argument("--window", type=int, default=20, help="steps between looking and looking away")
    parser.add_argument("--output", type=Path, default=ROOT / "benchmarks" / "results" / "studio.md")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, LocalStudio(Path(folder)) as studio:
        table = measure(studio, arguments)
    arguments.output.write_text(table, encoding="utf-8")
    print(table)


def measure(studio: LocalStudio, arguments: argparse.Namespace) -> str:
    """A Markdown page."""
    client, heard = Client(studio.address), Heard()
    job = client.start(arguments.image, steps=arguments.steps)
    with client.live() as socket:
        threading.Thread(target=listen, args=(socket, heard), daemon=True).start()
        threading.Thread(target=ping, args=(socket,), daemon=True).start()
        step = wait_for_step(client, job, SETTLING_STEPS)
        (worker,) = children(studio.process.pid)
        windows: list[float] = []
        watched_seconds = 0.0
        # A window may be longer than asked: what is done is heard of now and then only.
        while step + 2 * arguments.window < arguments.steps:
            is_watched = len(windows) % 2 == 1
            socket.send(json.dumps({"watch": job if is_watched else ""}))
            step, cpu, began = wait_for_step(client, job, 0), cpu_seconds(worker), time.perf_counter()
            end = wait_for_step(client, job, step + arguments.window)
            windows.append((cpu_seconds(worker) - cpu) / (end - step))
            step = end
            watched_seconds += (time.perf_counter() - began) * is_watched
    ratios = [windows[i] / statistics.mean((windows[i - 1], windows[i + 1])) for i in range(1, len(windows) - 1, 2)]
    return page(arguments, ratios, windows, heard, watched_seconds)


def page(
    arguments: argparse.Namespace, ratios: list[float], windows: list[float], heard: Heard, watched_seconds: float
) -> str:
    """The figures as Markdown."""
    trips = sorted(1000 * trip for trip in heard.round_trips)
    spread = statistics.quantiles(ratios, n=4)
    median_ratio, count = statistics.median(ratios), len(ratios)
    rows = {
        f"worker's CPU time of a step, watched / not watched, median of {count} windows": f"{median_ratio:.3f}",
        "its quartiles": f"{spread[0]:.3f} to {spread[2]:.3f}",
        "CPU time of a step": f"{1000 * statistics.median(windows):.0f} ms",
        "frames a second while watched": f"{heard.frames / watched_seconds:.1f}",
        "bytes of a frame, on average": f"{heard.frame_bytes / max(1, heard.frames):,.0f}",
        f"round trip of a message, median of {len(trips)}": f"{statistics.median(trips):.1f} ms",
        "95 % of them within": f"{trips[int(0.95 * len(trips))]:.1f} ms",
        "99 % of them within": f"{trips[int(0.99 * len(trips))]:.1f} ms",
    }
    return "\n".join(
        [
            "# The studio while a run works",
            "",
            f"`python benchmarks/studio.py`, {datetime.now(UTC):%Y-%m-%d}, commit {commit()},",
            f"{platform.machine()}, {os.cpu_count()} cores. Other work shared the machine: {os.getloadavg()[1]:.0f}",
            "processes wanted to run, on average.",
            "",
            f"`{arguments.image.name}`, {arguments.steps} steps of the default preset; the client looks for",
            f"{arguments.window} steps, looks away for as many, and so on.",
            "",
            "| | |",
            "|---|---|",
            *(f"| {name} | {value} |" for name, value in rows.items()),
            "",
        ]
    )


def listen(socket: ClientConnection, heard: Heard) -> None:
    """Receive everything, as a page does."""
    for packed in socket:
        assert isinstance(packed, bytes)
        message = unpack(packed)
        if message.kind == "pong":
            heard.round_trips.append(time.perf_counter() - message.header["ping"])
        elif message.payload:
            heard.frames += 1
            heard.frame_bytes += len(packed)


def ping(socket: ClientConnection) -> None:
    """Ask for an answer, again and again, until the connection is closed."""
    with contextlib.suppress(ConnectionClosed):
        while True:
            socket.send(json.dumps({"ping": time.perf_counter()}))
            time.sleep(PING_EVERY)


def wait_for_step(client: Client, job: str, step: int) -> int:
    """The step that the run has done, as soon as it is at least `step`."""
    while True:
        found = client.job(job)
        if found["error"] or found["stage"] in ("Mesh", "Texture"):
            raise SystemExit(f"The run is past its steps: {found['stage']} {found['error']}")
        if found["stage"] == "Gaussians" and found["step"] >= step:
            return found["step"]
        time.sleep(0.05)


def children(process: int) -> list[int]:
    """The processes that a process started."""
    listed = subprocess.run(["ps", "-o", "pid=", "--ppid", str(process)], capture_output=True, text=True, check=True)
    return [int(line) for line in listed.stdout.split()]


def cpu_seconds(process: int) -> float:
    """Process CPU time so far."""
    fields = Path(f"/proc/{process}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


if __name__ == "__main__":
    main()
