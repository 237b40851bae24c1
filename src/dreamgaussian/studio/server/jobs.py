"""The index of all runs: owner, state, progress. The runs' files lie in folders of their own."""

import secrets
import sqlite3
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

JobState = Literal["queued", "running", "paused", "stopped", "interrupted", "failed", "finished"]
WORKING: tuple[JobState, ...] = ("running", "paused")

SCHEMA = """
CREATE TABLE IF NOT EXISTS jobs (
    id TEXT PRIMARY KEY, owner TEXT NOT NULL, title TEXT NOT NULL, state TEXT NOT NULL, error TEXT NOT NULL,
    created REAL NOT NULL, queued REAL NOT NULL, config TEXT NOT NULL, has_picture INTEGER NOT NULL,
    stage TEXT NOT NULL, step INTEGER NOT NULL, steps INTEGER NOT NULL, share_key TEXT);
CREATE TABLE IF NOT EXISTS guests (job TEXT NOT NULL, session TEXT NOT NULL, PRIMARY KEY (job, session));
"""
"""`has_picture` is `Job.has_image`, under the name that it had when the first indexes were written."""


@dataclass(frozen=True)
class Job:
    """One run in the index."""

    id: str
    owner: str
    """Session that started it."""
    title: str
    state: JobState
    error: str
    """Message of the last error; empty without one."""
    created: float
    """Seconds since 1970."""
    queued: float
    """When it was last put into the queue, in seconds since 1970."""
    config: str
    """Its RunConfig, as JSON."""
    has_image: bool
    """Whether it has an input image; otherwise a prompt alone."""
    stage: str
    step: int
    """Finished steps of the stage, of `steps`, when the index was last updated."""
    steps: int
    share_key: str | None = None
    """Secret of the link that lets others look at the run; None while it is not shared."""


class JobIndex:
    """The runs in an SQLite file, which is kept between starts of the server."""

    def __init__(self, path: Path) -> None:
        self._database = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
        self._database.row_factory = sqlite3.Row
        self._database.execute("PRAGMA journal_mode = WAL")
        self._database.executescript(SCHEMA)

    def close(self) -> None:
        """Close the file."""
        self._database.close()

    def add(self, owner: str, title: str, config: str, *, has_image: bool, steps: int) -> Job:
        """Add a run, not yet in the queue. `config` is a RunConfig as JSON, `steps` those of stage 1."""
        now = time.time()
        job = Job(secrets.token_hex(8), owner, title, "stopped", "", now, now, config, has_image, "", 0, steps)
        values = asdict(job)
        values["has_picture"] = values.pop("has_image")
        marks = ", ".join("?" * len(values))
        self._database.execute(f"INSERT INTO jobs ({', '.join(values)}) VALUES ({marks})", list(values.values()))
        return job

    def update(self, job_id: str, **values: Any) -> None:
        """Set some columns of a run."""
        names = ", ".join(f"{name} = ?" for name in values)
        self._database.execute(f"UPDATE jobs SET {names} WHERE id = ?", [*values.values(), job_id])

    def delete(self, job_id: str) -> None:
        """Forget a run and its guests."""
        self._database.execute("DELETE FROM guests WHERE job = ?", [job_id])
        self._database.execute("DELETE FROM jobs WHERE id = ?", [job_id])

    def get(self, job_id: str) -> Job | None:
        """The run with this id."""
        return next(iter(self._select("WHERE id = ?", job_id)), None)

    def visible(self, session: str) -> list[Job]:
        """The runs that a session may see, its own and those shared with it, newest first."""
        where = "WHERE owner = ? OR id IN (SELECT job FROM guests WHERE session = ?) ORDER BY created DESC"
        return self._select(where, session, session)

    def in_state(self, *states: JobState) -> list[Job]:
        """The runs in any of these states, in the queue's order."""
        return self._select(f"WHERE state IN ({', '.join('?' * len(states))}) ORDER BY queued", *states)

    def may_see(self, job: Job, session: str) -> bool:
        """Whether a run is a session's own or shared with it."""
        found = self._database.execute("SELECT 1 FROM guests WHERE job = ? AND session = ?", [job.id, session])
        return job.owner == session or found.fetchone() is not None

    def share(self, job_id: str) -> str:
        """The key that lets others look at a run; the same one every time, until `unshare`."""
        job = self.get(job_id)
        assert job is not None
        key = job.share_key or secrets.token_urlsafe(16)
        self.update(job_id, share_key=key)
        return key

    def unshare(self, job_id: str) -> None:
        """Withdraw the key and the access of all guests."""
        self.update(job_id, share_key=None)
        self._database.execute("DELETE FROM guests WHERE job = ?", [job_id])

    def admit(self, share_key: str, session: str) -> Job | None:
        """Let a session that knows the key see the run; returns the run, None for an unknown key."""
        found = self._select("WHERE share_key = ?", share_key)
        for job in found:
            self._database.execute("INSERT OR IGNORE INTO guests (job, session) VALUES (?, ?)", [job.id, session])
        return found[0] if found else None

    def _select(self, where: str, *values: object) -> list[Job]:
        rows = self._database.execute(f"SELECT * FROM jobs {where}", values).fetchall()
        jobs: list[dict[str, Any]] = [{**row} for row in rows]
        return [Job(has_image=bool(job.pop("has_picture")), **job) for job in jobs]
