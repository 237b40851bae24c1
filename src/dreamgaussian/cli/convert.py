"""`dreamgaussian convert`: a file in another format."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated

from tyro.conf import Positional, arg

from dreamgaussian.core.axes import Axes
from dreamgaussian.formats.registry import known_formats
from dreamgaussian.formats.settings import GlbSettings

FORMATS = "\n\n".join(f"{known.ending} ({known.kind}): {known.about}" for known in known_formats())


@dataclass(frozen=True)
class ConvertCommand:
    """Write a file of Gaussians, or of a mesh, in another format; the endings say which."""

    source: Annotated[
        Positional[Path],
        arg(
            metavar="FROM",
            help="The file to read. Its ending tells the format; where one stands for Gaussians and meshes, the file "
            f"is looked into.\n\n{FORMATS}",
        ),
    ]
    target: Annotated[Positional[Path], arg(metavar="TO")]
    """The file to write, in a format that holds what FROM does."""
    axes: Annotated[Axes, arg(name="")] = field(default_factory=Axes)
    glb: GlbSettings = field(default_factory=GlbSettings)
    overwrite: bool = False
    """Replace a file that is already there."""

    def run(self) -> int:
        """Prints the new file's path."""
        from dreamgaussian.formats import convert

        convert(self.source, self.target, self.glb, axes=self.axes, overwrite=self.overwrite)
        print(self.target)
        return 0
