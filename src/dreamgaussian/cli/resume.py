"""`dreamgaussian resume`: go on with a run that was stopped."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from tyro.conf import Positional, arg

from dreamgaussian.cli.run import drive_with_bars
from dreamgaussian.runs.folder import RunFolder


@dataclass(frozen=True)
class ResumeCommand:
    """Go on with a run that was stopped, by Ctrl-C or otherwise: the result is as if it had not been."""

    folder: Annotated[Positional[Path], arg(metavar="FOLDER")]
    """The run's folder."""

    def run(self) -> int:
        """Prints the paths of the files."""
        folder = RunFolder(self.folder)
        from dreamgaussian.runs.driver import reopen_run

        run, image = reopen_run(folder)
        return drive_with_bars(run, image, folder)
