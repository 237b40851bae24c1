"""A run of the studio is the command line's: the same iterator, the same state, bit for bit."""

import json
import subprocess
import sys
import time
from pathlib import Path

import pytest

from dreamgaussian.studio.client import Client, LocalStudio
from dreamgaussian.studio.messages import unpack

IMAGE = Path(__file__).parents[2] / "examples" / "cactus.webp"


def stop_on_the_way(client: Client, job: str) -> None:
    """Watch a run, stop it in the middle of its fit, and have it go on."""
    with client.live() as socket:
        socket.send(json.dumps({"watch": job}))
        commands = ["stop", "resume"]
        while commands:
            header = unpack(socket.recv(timeout=300)).header
            in_fit = header["kind"] == "progress" and header["stage"] == "Gaussians" and 4 < header["step"] < 30
            stopped = header["kind"] == "job" and header["job"]["state"] == "stopped"
            if in_fit if commands[0] == "stop" else stopped:
                client.request(f"/api/jobs/{job}/{commands.pop(0)}", b"{}")


@pytest.mark.slow
def test_a_run_that_was_watched_stopped_and_resumed_ends_as_the_command_lines(tmp_path: Path) -> None:
    with LocalStudio(tmp_path / "studio") as studio:
        client = Client(studio.address)
        job = client.start(IMAGE, preset="quick", steps=40)
        stop_on_the_way(client, job)
        while client.job(job)["state"] != "finished":
            time.sleep(0.5)
            assert not client.job(job)["error"]
        made = tmp_path / "studio" / job
        command = [sys.executable, "-m", "dreamgaussian", "image", str(IMAGE), "--config", str(made / "run.json")]
        subprocess.run([*command, "-o", str(tmp_path / "plain")], check=True, capture_output=True)
    for name in ("gaussians.ply", "mesh.glb"):
        assert (made / name).read_bytes() == (tmp_path / "plain" / name).read_bytes()
