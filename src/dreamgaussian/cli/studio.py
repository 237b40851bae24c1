"""`dreamgaussian studio` and `dreamgaussian view`: pages in the browser."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated

from tyro.conf import Positional, arg

from dreamgaussian.studio.settings import StudioSettings


@dataclass(frozen=True)
class StudioCommand:
    """Serve the studio: a page in the browser in which runs are started, watched and downloaded."""

    settings: Annotated[StudioSettings, arg(name="")] = field(default_factory=StudioSettings)

    def run(self) -> int:
        """Serve until Ctrl-C or SIGTERM."""
        from dreamgaussian.studio import run_studio

        run_studio(self.settings, _announce)
        return 0


@dataclass(frozen=True)
class ViewCommand:
    """Show Gaussians and meshes in the browser: one file, several side by side, or a run's folder."""

    files: Annotated[Positional[tuple[Path, ...]], arg(metavar="FILE")]
    """Files of Gaussians or meshes in any format that can be read, or folders of runs."""
    port: int = 0
    """Port to listen on, for this machine alone; 0 for any free one."""

    def run(self) -> int:
        """Serve until Ctrl-C or SIGTERM."""
        from dreamgaussian.studio import run_view

        run_view(self.files, StudioSettings(port=self.port), _announce)
        return 0


def _announce(text: str) -> None:
    """Print without delay, so that a program that reads through a pipe gets the line."""
    print(text, flush=True)
