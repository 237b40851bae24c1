"""The studio: a small web server and one page in which a run is started, watched and taken home."""

from collections.abc import Callable
from typing import TYPE_CHECKING

from dreamgaussian.errors import BackendUnavailable

if TYPE_CHECKING:
    from dreamgaussian.studio.settings import StudioSettings


def run_studio(settings: "StudioSettings", announce: Callable[[str], object]) -> None:
    """Serve the studio until Ctrl-C or SIGTERM; the address to open is announced once it listens.

    Raises BackendUnavailable without the web server's packages and ConfigError where it cannot listen.
    """
    try:
        from dreamgaussian.studio import app, server
    except ModuleNotFoundError as error:
        raise BackendUnavailable(f"The studio needs {error.name}. Install it: pip install '.[studio]'") from error
    settings = server.with_token(settings)
    listener = server.listen(settings)
    announce(f"The studio is at {server.address(settings, listener)} (Ctrl-C ends it)")
    server.serve(app.studio_app(settings), listener)
