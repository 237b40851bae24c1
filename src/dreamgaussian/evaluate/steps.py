"""Progress of an evaluation."""

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class EvalStep:
    """Progress of an evaluation."""

    done: int
    """Results finished, of `total`: one for each object and variant."""
    total: int
    name: str
    """Of the object."""
    variant: str
    stage: str
    """Of the pipeline; "Scores" before and after it, "Report" at the end."""
    step: int
    steps: int
    report: Path | None = None
    """The HTML file, in the last step."""
