"""A studio in this process, a client for each person, and a worker that only pretends."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from dreamgaussian.studio.app import studio_app
from dreamgaussian.studio.settings import StudioSettings

ADDRESS = "http://127.0.0.1:8080"
PICTURE = Path(__file__).parents[2] / "examples" / "cactus.webp"


@pytest.fixture
def settings(tmp_path: Path) -> StudioSettings:
    return StudioSettings(folder=tmp_path / "studio")


@pytest.fixture
def studio(settings: StudioSettings) -> Iterator[TestClient]:
    with TestClient(studio_app(settings), base_url=ADDRESS) as client:
        yield client
