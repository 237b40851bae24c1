"""The queue, the workers and the pages that are told about them, with fake workers."""

import os
import signal
from pathlib import Path

import pytest

from studio.person import Person


def is_state(state):
    return lambda message: message["kind"] == "job" and message["job"]["state"] == state


def workers_of(folder: Path) -> list[int]:
    """The ids of the processes that write into a folder."""
    found = []
    for process in Path("/proc").iterdir():
        try:
            targets = {os.readlink(link) for link in (process / "fd").iterdir()}
        except OSError:
            continue
        if str(folder / "worker.log") in targets and int(process.name) != os.getpid():
            found.append(int(process.name))
    return found


def test_a_run_is_watched_from_its_start_to_its_end(ann):
    job = ann.start("a chair")
    heard = ann.hear(job, is_state("finished"))
    assert ann.job(job)["files"] == ["fit.safetensors", "gaussians.ply", "worker.log"]
    assert ann.job(job)["steps"] == 9
    assert heard[-1]["job"]["title"] == "a chair"


def test_who_joins_late_is_told_all_losses_and_shown_the_last_frame(ann):
    job = ann.start("hold")
    ann.wait_for(job, "running")
    ann.hear(job, lambda message: message["kind"] == "splats")
    late = ann.hear(job, lambda message: message["kind"] == "splats")
    assert next(message["losses"] for message in late if message["kind"] == "progress") == [["Gaussians", 1, 1.0]]
    assert late[-1]["payload"] == bytes(range(32)) * 10


def test_pings_are_answered_while_a_run_works(ann):
    job = ann.start("hold")
    assert ann.hear(job, lambda message: message["kind"] == "pong")[-1]["ping"] == 1


def test_runs_wait_for_their_turn_and_know_their_place(ann, bob):
    first, second, third = ann.start("hold"), bob.start("a cup"), ann.start("a hat")
    ann.wait_for(first, "running")
    assert bob.job(second)["position"] == 1
    assert ann.job(third)["position"] == 2
    ann.command(first, "stop")
    assert bob.wait_for(second, "finished")["position"] == 0
    ann.wait_for(third, "finished")


def test_a_waiting_run_can_be_taken_out_of_the_queue(ann):
    ann.start("hold")
    waiting = ann.start("a cup")
    assert ann.command(waiting, "stop").status_code == 200
    assert ann.job(waiting)["state"] == "stopped"


def test_a_run_is_paused_and_goes_on(ann):
    job = ann.start("hold")
    ann.wait_for(job, "running")
    ann.command(job, "pause")
    ann.wait_for(job, "paused")
    ann.command(job, "resume")
    ann.wait_for(job, "running")


def test_a_stopped_run_goes_on_from_its_checkpoint(ann, settings):
    job = ann.start("hold")
    ann.wait_for(job, "running")
    ann.command(job, "stop")
    ann.wait_for(job, "stopped")
    saved = int((settings.folder / job / "fit.safetensors").read_text())
    ann.command(job, "resume")
    heard = ann.hear(job, lambda message: message["kind"] == "progress")
    assert heard[-1]["step"] == saved + 1


def test_a_run_that_fails_says_so_in_words(ann):
    job = ann.start("fail")
    assert ann.wait_for(job, "failed")["error"] == "The subject is too small."


def test_a_run_that_crashes_takes_nothing_with_it(ann):
    job = ann.start("crash")
    error = ann.wait_for(job, "interrupted")["error"]
    assert "code 3" in error
    assert "step 1 is kept" in error
    after = ann.start("a cup")
    ann.wait_for(after, "finished")


def test_a_killed_worker_leaves_an_interrupted_run_that_can_be_resumed(ann, settings):
    job = ann.start("hold")
    ann.wait_for(job, "running")
    ann.hear(job, lambda message: message["kind"] == "splats")
    (worker,) = workers_of(settings.folder / job)
    os.kill(worker, signal.SIGKILL)
    assert "SIGKILL" in ann.wait_for(job, "interrupted")["error"]
    ann.command(job, "resume")
    ann.wait_for(job, "running")


def test_each_sees_only_their_own(ann, bob):
    job = ann.start("hold")
    assert bob.studio()["jobs"] == []
    assert bob.command(job, "stop").status_code == 404
    assert bob.client.delete(f"/api/jobs/{job}").status_code == 404
    assert bob.client.get(f"/api/jobs/{job}/files/fit.safetensors").status_code == 404


def test_a_shared_run_can_be_looked_at_and_not_changed_until_it_is_shared_no_more(ann, bob):
    job = ann.start("hold")
    ann.wait_for(job, "running")
    key = ann.command(job, "share").json()["share_key"]
    arrived = bob.client.get(f"/share/{key}", follow_redirects=False)
    assert arrived.headers["location"] == f"/#{job}"
    assert bob.job(job)["share_key"] is None
    assert bob.hear(job, lambda message: message["kind"] == "splats")
    assert bob.command(job, "stop").status_code == 403
    ann.command(job, "unshare")
    assert bob.studio()["jobs"] == []
    assert bob.client.get(f"/share/{key}").status_code == 404


def test_deleting_a_run_ends_its_worker_and_removes_its_files(ann, settings):
    job = ann.start("hold")
    ann.wait_for(job, "running")
    assert ann.client.delete(f"/api/jobs/{job}").status_code == 200
    assert not (settings.folder / job).exists()
    assert ann.studio()["jobs"] == []


def test_the_end_of_the_server_ends_the_workers_and_the_next_one_knows_the_runs(settings, serve):
    with serve() as client:
        ann = Person(client)
        job, waiting = ann.start("hold"), ann.start("a cup")
        ann.hear(job, lambda message: message["kind"] == "splats")
    assert workers_of(settings.folder / job) == []
    with serve(cookies=client.cookies) as client:
        ann = Person(client)
        assert ann.job(job)["state"] == "interrupted"
        assert "step 2 is kept" in ann.job(job)["error"]
        ann.wait_for(waiting, "finished")


@pytest.mark.parametrize(
    ("limit", "status", "words"),
    [
        ({"max_queue_each": 1}, 429, "You have 1 runs at work or waiting"),
        ({"max_queue": 1, "max_queue_each": 9}, 503, "The queue is full"),
        ({"max_disk_mb": 0.0}, 507, "folder is full"),
    ],
)
def test_limits_are_told_in_words(serve, limit, status, words):
    with serve(**limit) as client:
        answers = [client.post("/api/jobs", json={"prompt": "hold", "prior": "mvdream"}) for _ in range(3)]
        assert answers[-1].status_code == status
        assert words in answers[-1].json()["error"]
