"""A worker that sends what the real one does, loads nothing heavy and does what the prompt of its run says."""

import json
import os
import sys
from pathlib import Path

from dreamgaussian.studio.messages import Message

SPLATS = bytes(range(32)) * 10


def send(kind: str, payload: bytes = b"", **values: object) -> None:
    sys.stdout.buffer.write(Message({"kind": kind, **values}, payload).pack())
    sys.stdout.buffer.flush()


def progress(step: int) -> None:
    facts = {"gaussians": 10, "faces": 0, "steps_per_second": 2.0, "seconds_left": 1.0}
    send("progress", stage="Gaussians", step=step, steps=9, losses=[("Gaussians", step, 1 / step)], **facts)


def save(folder: Path, step: int) -> None:
    (folder / "fit.safetensors").write_text(str(step))
    send("saved", step=step)


def run(assignment: dict) -> None:
    folder, prompt = Path(assignment["folder"]), assignment["config"]["prompt"]
    first = int((folder / "fit.safetensors").read_text()) + 1 if assignment["resume"] else 1
    progress(first)
    send("splats", SPLATS, stage="Gaussians", step=first)
    save(folder, first)
    if "crash" in prompt:
        os._exit(3)
    if "fail" in prompt:
        send("failed", error="The subject is too small.")
        return
    while "hold" in prompt:
        command = sys.stdin.readline().strip()
        if command in ("stop", ""):
            save(folder, first + 1)
            send("stopped")
            return
        send({"pause": "paused", "resume": "resumed"}.get(command, "note"), text=command)
    progress(9)
    (folder / "gaussians.ply").write_bytes(b"ply")
    send("finished")


def main() -> None:
    assignment = json.loads(sys.stdin.readline())
    if assignment["do"] == "run":
        run(assignment)
        return
    for line in sys.stdin:
        task = json.loads(line)
        if b"crash" in Path(task.get("image", os.devnull)).read_bytes():
            os._exit(1)
        if "target" in task:
            Path(task["target"]).write_bytes(b"a cut-out")
        send("note", text="The subject is cut off at the top.")
        send("done", crop={"left": 0, "top": 0, "side": 8})


if __name__ == "__main__":
    main()
