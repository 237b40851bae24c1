"""Progress of an evaluation."""

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class EvalStep:
    """Progress of an evaluation."""

    done: int
    """Finished results of `total`, one for each object and variant."""
    total: int
    name: str
    """Name of the object, or the prompt."""
    variant: str
    stage: str
    """Stage of the run; "Scores" before and after it, "Report" at the end."""
    step: int
    steps: int
    report: Path | None = None
    """Path of the HTML file, in the last step."""
