"""The commands that a run obeys, and what it reports."""

import os
import threading
import time

import torch

from dreamgaussian.core.gaussians import Gaussians
from dreamgaussian.pipeline import Snapshot
from dreamgaussian.studio.messages import Message
from dreamgaussian.studio.worker.controls import Controls
from dreamgaussian.studio.worker.reporter import Reporter


class Pipe:
    """A pipe that a test writes commands into; the watchdog at its end notes its exit code instead of exiting."""

    def __init__(self) -> None:
        read, write = os.pipe()
        self.input, self._output = os.fdopen(read), os.fdopen(write, "w")
        self.exit_codes: list[int] = []
        self.controls = Controls(self.input, grace_s=0.01, exit_process=self.exit_codes.append)

    def send(self, command: str) -> None:
        self._output.write(command + "\n")
        self._output.flush()

    def close(self) -> None:
        self._output.close()
        assert eventually(lambda: self.controls.stopping)
        self.input.close()


def eventually(is_so) -> bool:
    end = time.monotonic() + 20
    while not is_so() and time.monotonic() < end:
        time.sleep(0.005)
    return is_so()


def test_commands_are_obeyed_and_a_mesh_is_extracted_once():
    pipe = Pipe()
    for command in ("watch", "extract", "nonsense", "pause"):
        pipe.send(command)
    assert eventually(lambda: pipe.controls.paused)
    assert pipe.controls.watched
    assert pipe.controls.take_extract()
    assert not pipe.controls.take_extract()
    waiting = threading.Thread(target=pipe.controls.wait_for_change)
    waiting.start()
    pipe.send("stop")
    waiting.join(20)
    assert pipe.controls.stopping
    assert not pipe.controls.paused
    pipe.close()
    assert eventually(lambda: pipe.exit_codes == [1])


def test_the_end_of_the_server_means_stop():
    pipe = Pipe()
    pipe.close()
    assert eventually(lambda: pipe.exit_codes == [1]), "a worker that goes on regardless is ended"


def snapshot(step: int) -> Snapshot:
    gaussians = Gaussians.in_ball(20, 0.5, torch.Generator().manual_seed(step))
    return Snapshot("Gaussians", step, 50, 1.0 / step, gaussians)


def test_no_loss_is_left_out_and_frames_keep_to_their_share():
    sent: list[Message] = []
    reporter = Reporter(sent.append, "Texture", frame_interval_s=0.0)
    for step in range(1, 51):
        reporter.report(snapshot(step), watched=True)
    losses = [loss for message in sent if message.kind == "progress" for loss in message.header["losses"]]
    assert [step for _, step, _ in losses] == list(range(1, 51))
    frames = [message for message in sent if message.kind == "splats"]
    assert 1 <= len(frames) < 25
    assert len(frames[0].payload) == 20 * 32


def test_nobody_watches_no_frames():
    sent: list[Message] = []
    Reporter(sent.append, "Texture").report(snapshot(1), watched=False)
    assert {message.kind for message in sent} == {"progress"}
