"""Libraries that some formats need and a plain install goes without."""

from dataclasses import dataclass
from importlib.util import find_spec

from dreamgaussian.core.errors import BackendUnavailable


@dataclass(frozen=True)
class OptionalLibrary:
    """A package that adds to what formats can do."""

    module: str
    """What Python imports."""
    package: str
    """What the package index calls it."""
    install: str = "dreamgaussian[formats]"
    """What a person gives pip to get it."""

    def require(self, purpose: str) -> None:
        """Raises BackendUnavailable where the package is not installed; `purpose` says what needs it."""
        if find_spec(self.module) is None:
            raise BackendUnavailable(
                f"{purpose} needs the package {self.package}, which is not installed. Run: pip install '{self.install}'"
            )


USD = OptionalLibrary("pxr", "usd-core")
MESHOPT = OptionalLibrary("meshopt", "meshopt")
ZSTANDARD = OptionalLibrary("zstandard", "zstandard")
