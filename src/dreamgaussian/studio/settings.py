"""The studio's settings."""

import ipaddress
from dataclasses import dataclass
from pathlib import Path

from dreamgaussian.core.errors import ConfigError


@dataclass(frozen=True)
class StudioSettings:
    """Where the studio listens, and its limits."""

    host: str = "127.0.0.1"
    """Address to listen on. Any other than this machine's own needs a token, which is generated where none is given."""
    port: int = 8080
    """Port to listen on; 0 for any free one."""
    token: str | None = None
    """Secret that is needed to open the page; at least 8 characters. The default is none on this machine alone."""
    folder: Path = Path("runs/studio")
    """Folder of the runs and their index."""
    workers: int = 1
    """Number of runs that work at the same time."""
    max_queue: int = 20
    """Largest number of waiting runs, of all users together."""
    max_queue_each: int = 5
    """Largest number of waiting and working runs of one user."""
    max_upload_mb: float = 20.0
    """Largest image file, in megabytes (10^6 bytes)."""
    max_megapixels: float = 50.0
    """Largest image, in millions of pixels."""
    max_disk_mb: float = 10_000.0
    """Size of the folder above which no new run is accepted, in megabytes (10^6 bytes)."""
    max_steps: int = 5_000
    """Largest number of steps of one run."""

    def __post_init__(self) -> None:
        if not 0 <= self.port <= 65_535:
            raise ConfigError(f"port is {self.port}. Give a number from 0 to 65535.")
        if self.token is not None and len(self.token) < 8:
            raise ConfigError(f"The token has {len(self.token)} characters and could be guessed. Give at least 8.")
        for name in ("workers", "max_queue", "max_queue_each", "max_steps"):
            if getattr(self, name) < 1:
                raise ConfigError(f"{name} is {getattr(self, name)}. Give a whole number of at least 1.")

    @property
    def is_local(self) -> bool:
        """Whether only this machine can reach the studio."""
        return is_loopback(self.host)


def is_loopback(host: str) -> bool:
    """Whether a host name or address, without a port, is this machine's own."""
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return host.lower() == "localhost"
