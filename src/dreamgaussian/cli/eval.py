"""`dreamgaussian eval`: the benchmark."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated

from tyro.conf import arg

from dreamgaussian.cli.progress import progress_bars
from dreamgaussian.evaluate.settings import EvalSettings


@dataclass(frozen=True)
class EvalCommand:
    """Score whole runs on the benchmark's held-out objects and write a report."""

    settings: Annotated[EvalSettings, arg(name="")] = field(default_factory=EvalSettings)
    debug: bool = False
    """Show the whole traceback of an error."""

    def run(self) -> int:
        """Prints the report's path."""
        from dreamgaussian.evaluate.benchmark import evaluate

        report: Path | None = None
        with progress_bars() as progress:
            bar = progress.add_task("Benchmark", facts="")
            for step in evaluate(self.settings):
                facts = f"{step.name} {step.variant} {step.stage} {step.step}/{step.steps}"
                progress.update(bar, completed=step.done, total=step.total, facts=facts)
                report = step.report
        print(report)
        return 0
