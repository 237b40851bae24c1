"""Progress bars on standard error."""

from collections.abc import Generator
from contextlib import contextmanager
from typing import Any, Protocol


def progress_bars() -> Any:
    """rich's progress bars on standard error, with a text (`facts`), the time so far and the time left."""
    from rich.console import Console
    from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn, TimeRemainingColumn

    return Progress(
        SpinnerColumn(),
        TextColumn("{task.description:<10}"),
        BarColumn(),
        TextColumn("{task.completed:>4.0f}/{task.total:.0f}"),
        TextColumn("{task.fields[facts]}"),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
        console=Console(stderr=True),
    )


class ShowStage(Protocol):
    """Shows how far a stage is."""

    def __call__(self, stage: str, done: float, total: float, facts: str = "") -> None:
        """Set the stage's bar to `done` of `total`, with `facts` beside it."""
        ...


@contextmanager
def stage_bars() -> Generator[ShowStage]:
    """Progress bars, one a stage; a stage's bar appears when it is first shown."""
    with progress_bars() as progress:
        bars: dict[str, Any] = {}

        def show(stage: str, done: float, total: float, facts: str = "") -> None:
            if stage not in bars:
                bars[stage] = progress.add_task(stage, facts="")
            progress.update(bars[stage], completed=done, total=total, facts=facts)

        yield show
