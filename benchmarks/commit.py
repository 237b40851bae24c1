"""Which state of the repository a benchmark measures."""

import subprocess
from pathlib import Path


def commit() -> str:
    """The working tree's commit, marked where it has changes; `unknown` outside a repository."""
    command = ["git", "describe", "--always", "--dirty"]
    told = subprocess.run(command, cwd=Path(__file__).parent, capture_output=True, text=True, check=False)
    return told.stdout.strip() or "unknown"
