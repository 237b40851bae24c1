"""`dreamgaussian studio` and `view`: pages in the browser."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated

from tyro.conf import Positional, arg

from dreamgaussian.studio.settings import StudioSettings


@dataclass(frozen=True)
class StudioCommand:
    """Open the studio: a page in the browser in which runs are started, watched and taken home."""

    settings: Annotated[StudioSettings, arg(name="")] = field(default_factory=StudioSettings)
    debug: bool = False
    """Show the whole traceback of an error."""

    def run(self) -> int:
        """Serves until Ctrl-C or SIGTERM."""
        from dreamgaussian.studio import run_studio

        run_studio(self.settings, _announce)
        return 0


@dataclass(frozen=True)
class ViewCommand:
    """Look at Gaussians and meshes in the browser: one file, several beside each other, or a run's folder."""

    files: Annotated[Positional[tuple[Path, ...]], arg(metavar="FILE")]
    """Any file of Gaussians or a mesh that can be read, or the folder of a run."""
    port: int = 0
    """Port to listen on, on this machine alone; 0 for any free one."""
    debug: bool = False
    """Show the whole traceback of an error."""

    def run(self) -> int:
        """Serves until Ctrl-C or SIGTERM."""
        from dreamgaussian.studio import run_view

        run_view(self.files, StudioSettings(port=self.port), _announce)
        return 0


def _announce(text: str) -> None:
    """Print at once, for who reads through a pipe."""
    print(text, flush=True)
