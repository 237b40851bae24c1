"""`dreamgaussian eval`: the benchmark."""

from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Annotated

from tyro.conf import arg

from dreamgaussian.cli.progress import progress_bars
from dreamgaussian.evaluate.settings import EvalSettings
from dreamgaussian.priors.registry import check_name


@dataclass(frozen=True)
class EvalCommand:
    """Score runs, or assets of any program, on the benchmark's held-out objects and write a report."""

    settings: Annotated[EvalSettings, arg(name="")] = field(default_factory=EvalSettings)
    prior_path: str | None = None
    """Folder, file or hub id to take the prior's weights from; none given: the published places."""
    write_inputs: Annotated[Path | None, arg(metavar="FOLDER")] = None
    """Only write the input images of all objects into this folder, for other programs; see --assets."""

    def run(self) -> int:
        """Print the report's path."""
        if self.write_inputs is not None:
            from dreamgaussian.evaluate.assets import write_inputs

            write_inputs(self.write_inputs)
            print(self.write_inputs)
            return 0
        from dreamgaussian.evaluate.benchmark import evaluate

        settings = self.settings
        check_name(settings.prior.name)
        if self.prior_path is not None:
            settings = replace(settings, prior=replace(settings.prior, path=self.prior_path))
        report: Path | None = None
        with progress_bars() as progress:
            bar = progress.add_task("Benchmark", facts="")
            for step in evaluate(settings):
                facts = f"{step.name} {step.variant} {step.stage} {step.step}/{step.steps}"
                progress.update(bar, completed=step.done, total=step.total, facts=facts)
                report = step.report
        print(report)
        return 0
