"""Bars of progress on standard error."""

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from dreamgaussian.train.data import DataStep


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


def show_steps(steps: Iterable["DataStep"]) -> None:
    """A bar per phase."""
    with progress_bars() as progress:
        bars: dict[str, Any] = {}
        for step in steps:
            if step.phase not in bars:
                bars[step.phase] = progress.add_task(step.phase, facts="")
            progress.update(bars[step.phase], completed=step.done, total=step.total)
