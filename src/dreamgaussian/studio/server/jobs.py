"""The index of all runs: who made them, and where each stands. The runs themselves lie in folders of their own."""

import secrets
import sqlite3
import time
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, Literal

JobState = Literal["queued", "running", "paused", "stopped", "interrupted", "failed", "finished"]
WAITING: tuple[JobState, ...] = ("queued",)
WORKING: tuple[JobState, ...] = ("running", "paused")

SCHEMA = """
CREATE TABLE IF NOT EXISTS jobs (
    id TEXT PRIMARY KEY, owner TEXT NOT NULL, title TEXT NOT NULL, state TEXT NOT NULL, error TEXT NOT NULL,
    created REAL NOT NULL, queued REAL NOT NULL, config TEXT NOT NULL, has_picture INTEGER NOT NULL,
    stage TEXT NOT NULL, step INTEGER NOT NULL, steps INTEGER NOT NULL, share_key TEXT);
CREATE TABLE IF NOT EXISTS guests (job TEXT NOT NULL, session TEXT NOT NULL, PRIMARY KEY (job, session));
"""


@dataclass(frozen=True)
class Job:
    """One run in the index."""

    id: str
    owner: str
    """Session that started it."""
    title: str
    state: JobState
    error: str
    """What went wrong, in words; empty where nothing did."""
    created: float
    """Seconds since 1970."""
    queued: float
    """When it was last put into the queue."""
    config: str
    """Its RunConfig, as JSON."""
    has_picture: bool
    """Otherwise it began with words alone."""
    stage: str
    step: int
    """Steps done of the stage, as last heard."""
    steps: int
    share_key: str | None = None
    """Who knows it may look."""


class JobIndex:
    """The runs in an SQLite file, which outlives the server."""

    def __init__(self, path: Path) -> None:
        self._database = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
        self._database.row_factory = sqlite3.Row
        self._database.execute("PRAGMA journal_mode = WAL")
        self._database.executescript(SCHEMA)

    def close(self) -> None:
        """Close the file."""
        self._database.close()

    def add(self, owner: str, title: str, config: str, *, has_picture: bool, steps: int) -> Job:
        """A new run, not yet in the queue."""
        now = time.time()
        job = Job(secrets.token_hex(8), owner, title, "stopped", "", now, now, config, has_picture, "", 0, steps)
        names = [field.name for field in fields(Job)]
        places = ", ".join("?" * len(names))
        self._database.execute(
            f"INSERT INTO jobs ({', '.join(names)}) VALUES ({places})", [getattr(job, name) for name in names]
        )
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
        """The run of that id."""
        return next(iter(self._select("WHERE id = ?", job_id)), None)

    def visible(self, session: str) -> list[Job]:
        """The runs that a session may see, its own and those shared with it, newest first."""
        where = "WHERE owner = ? OR id IN (SELECT job FROM guests WHERE session = ?) ORDER BY created DESC"
        return self._select(where, session, session)

    def in_state(self, *states: JobState) -> list[Job]:
        """The runs in any of these states, in the order of the queue."""
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
        """Take the key and all guests' leave back."""
        self.update(job_id, share_key=None)
        self._database.execute("DELETE FROM guests WHERE job = ?", [job_id])

    def admit(self, share_key: str, session: str) -> Job | None:
        """Let whoever knows the key look; the run that it opens."""
        found = self._select("WHERE share_key = ?", share_key)
        for job in found:
            self._database.execute("INSERT OR IGNORE INTO guests (job, session) VALUES (?, ?)", [job.id, session])
        return found[0] if found else None

    def _select(self, where: str, *values: object) -> list[Job]:
        rows = self._database.execute(f"SELECT * FROM jobs {where}", values).fetchall()
        jobs: list[dict[str, Any]] = [{**row, "has_picture": bool(row["has_picture"])} for row in rows]
        return [Job(**job) for job in jobs]
