"""The libraries of the extra [formats], which a plain install goes without."""

from importlib.util import find_spec

from dreamgaussian.core.errors import BackendUnavailable

LIBRARIES = {".usdz": ("pxr", "usd-core"), "meshopt": ("meshopt", "meshopt"), "SPZ of version 4": ("zstandard",) * 2}
"""Module and package, by what needs them."""


def need_library(purpose: str) -> None:
    """Raises `BackendUnavailable` where something needs a library that is not installed."""
    module, package = LIBRARIES.get(purpose, (None, None))
    if module is not None and find_spec(module) is None:
        raise BackendUnavailable(
            f"{purpose} needs the package {package}, which is not installed. Run: pip install 'dreamgaussian[formats]'"
        )
