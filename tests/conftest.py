"""What tests of several parts need."""

import contextlib
from collections.abc import Iterator
from pathlib import Path

import pytest


@pytest.fixture
def in_tmp_path(tmp_path: Path) -> Iterator[Path]:
    """The temporary folder, as the working directory."""
    with contextlib.chdir(tmp_path):
        yield tmp_path
