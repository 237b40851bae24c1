"""A studio in this process, with a worker that only pretends, and two people who use it."""

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from dreamgaussian.studio import workers
from dreamgaussian.studio.app import studio_app
from dreamgaussian.studio.settings import StudioSettings
from studio.person import ADDRESS, Person

PRETEND = Path(__file__).parent / "pretend_worker.py"


@pytest.fixture
def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> StudioSettings:
    monkeypatch.setattr(workers, "COMMAND", (sys.executable, str(PRETEND)))
    return StudioSettings(folder=tmp_path / "studio")


@pytest.fixture
def studio(settings: StudioSettings) -> Iterator[TestClient]:
    with TestClient(studio_app(settings), base_url=ADDRESS) as client:
        yield client


@pytest.fixture
def ann(studio: TestClient) -> Person:
    return Person(studio)


@pytest.fixture
def bob(studio: TestClient) -> Person:
    other = TestClient(studio.app, base_url=ADDRESS)
    other.portal = studio.portal  # the same event loop
    return Person(other)
