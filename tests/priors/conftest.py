"""A hub's cache of the tests' own."""

from pathlib import Path

import pytest


@pytest.fixture
def hub_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty cache for what huggingface_hub downloads, by plain HTTP."""
    for name, value in (("HF_HUB_CACHE", str(tmp_path / "cache")), ("HF_HUB_DISABLE_XET", True)):
        monkeypatch.setattr(f"huggingface_hub.constants.{name}", value)
    return tmp_path / "cache"
