"""Bars of progress on standard error."""

from collections.abc import Generator
from contextlib import contextmanager
from typing import Any, Protocol


def progress_bars() -> Any:
    """Bars on standard error, with the facts of the moment and the time left."""
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
    """Moves the bar of a stage."""

    def __call__(self, stage: str, done: float, total: float, facts: str = "") -> None:
        """`done` of `total`, and what else is to be told."""
        ...


@contextmanager
def stage_bars() -> Generator[ShowStage]:
    """Shows how far each stage is; a stage's bar comes when it is first heard of."""
    with progress_bars() as progress:
        bars: dict[str, Any] = {}

        def show(stage: str, done: float, total: float, facts: str = "") -> None:
            if stage not in bars:
                bars[stage] = progress.add_task(stage, facts="")
            progress.update(bars[stage], completed=done, total=total, facts=facts)

        yield show
