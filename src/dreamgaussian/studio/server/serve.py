"""Starting and stopping the web server."""

import logging
import secrets
import socket
from dataclasses import replace

import uvicorn
from starlette.applications import Starlette

from dreamgaussian.core.errors import ConfigError
from dreamgaussian.studio.settings import StudioSettings

logger = logging.getLogger(__name__)

SHUTDOWN_TIMEOUT_S = 3
"""Time that open connections have when the server stops."""


def with_token(settings: StudioSettings) -> StudioSettings:
    """The settings; with a token and a warning where other machines can reach the studio."""
    if settings.is_local:
        return settings
    logger.warning(
        "THE STUDIO IS OPEN TO THE NETWORK on %s:%d. Anybody with its token can run jobs on this machine and fill its "
        "disk, and the connection is not encrypted. Put it behind HTTPS, or leave --host out.",
        settings.host,
        settings.port,
    )
    return settings if settings.token else replace(settings, token=secrets.token_urlsafe(16))


def listen(settings: StudioSettings) -> socket.socket:
    """A socket that listens at the settings' address. Raises ConfigError where the address is not free."""
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    try:
        return socket.create_server((settings.host.strip("[]"), settings.port), family=family)
    except OSError as error:
        place = f"{settings.host}:{settings.port}"
        raise ConfigError(f"The studio cannot listen on {place} ({error.strerror}). Choose another --port.") from error


def address(settings: StudioSettings, listener: socket.socket) -> str:
    """The URL to open in the browser, with the token if there is one."""
    host = settings.host if ":" not in settings.host else f"[{settings.host.strip('[]')}]"
    query = f"?token={settings.token}" if settings.token else ""
    return f"http://{host}:{listener.getsockname()[1]}/{query}"


def serve(app: Starlette, listener: socket.socket) -> None:
    """Serve the app until Ctrl-C or SIGTERM."""
    config = uvicorn.Config(
        app, log_level="warning", ws_max_size=100_000, timeout_graceful_shutdown=SHUTDOWN_TIMEOUT_S, server_header=False
    )
    uvicorn.Server(config).run(sockets=[listener])
