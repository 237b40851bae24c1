"""The studio: a small web server and one page in which runs are started, watched and downloaded."""

from collections.abc import Callable, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from dreamgaussian.core.errors import BackendUnavailable

if TYPE_CHECKING:
    from dreamgaussian.studio.settings import StudioSettings

Announce = Callable[[str], object]


def run_studio(settings: "StudioSettings", announce: Announce) -> None:
    """Serve the studio until Ctrl-C or SIGTERM.

    Args:
        settings: Address, folder and limits.
        announce: Called once, with a line that holds the address, as soon as the studio listens.

    Raises:
        BackendUnavailable: The web server's packages are not installed.
        ConfigError: The address is taken, or the folder cannot be used.
    """
    _require_packages()
    from dreamgaussian.studio.server import serve as server
    from dreamgaussian.studio.server.app import studio_app

    settings = server.with_token(settings)
    with server.listen(settings) as listener:
        app = studio_app(settings)
        announce(f"The studio is at {server.address(settings, listener)} (Ctrl-C ends it)")
        server.serve(app, listener)


def run_view(paths: Sequence[Path], settings: "StudioSettings", announce: Announce) -> None:
    """Show files, or the results in runs' folders, until Ctrl-C or SIGTERM.

    Raises as `run_studio`, and InputError for files that cannot be read.
    """
    _require_packages()
    from dreamgaussian.studio.server import serve as server
    from dreamgaussian.studio.server.view import open_layers, view_app

    layers = open_layers(paths)
    settings = server.with_token(settings)
    with server.listen(settings) as listener:
        announce(f"The view is at {server.address(settings, listener)} (Ctrl-C ends it)")
        server.serve(view_app(layers, settings), listener)


def _require_packages() -> None:
    for name in ("starlette", "uvicorn", "websockets"):
        if find_spec(name) is None:
            raise BackendUnavailable(f"The studio needs {name}. Install it: pip install '.[studio]'")
