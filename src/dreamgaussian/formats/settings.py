"""Which files a run writes, and how."""

from dataclasses import dataclass, field
from typing import Literal

from dreamgaussian.formats.libraries import MESHOPT, OptionalLibrary

TURNTABLES = ("turntable.mp4", "turntable.webp", "turntable.gif")
"""Names of the videos that a run can write."""


class FormatOptions:
    """Base of the settings of a format: a frozen dataclass in which everything has a default."""

    @property
    def needs(self) -> tuple[OptionalLibrary, ...]:
        """The libraries that these settings need, besides the format's own."""
        return ()


@dataclass(frozen=True)
class GlbSettings(FormatOptions):
    """How a mesh is put into a .glb file."""

    texture: Literal["png", "webp"] = "png"
    """Format of the images inside. png: exact; webp: several times smaller, needs a reader of EXT_texture_webp."""
    compression: Literal["none", "quantized", "meshopt"] = "none"
    """Compression of the geometry. none: float32; quantized: 16 bits a coordinate (KHR_mesh_quantization); meshopt:
    the same, then packed (EXT_meshopt_compression), the smallest, for the web."""

    @property
    def needs(self) -> tuple[OptionalLibrary, ...]:
        """meshopt, where the geometry is packed by it."""
        return (MESHOPT,) if self.compression == "meshopt" else ()


@dataclass(frozen=True)
class ExportSettings:
    """The files of a run besides preview.png and run.json, which are always written."""

    files: tuple[str, ...] = ("gaussians.ply", "mesh.glb", "turntable.mp4")
    """Names of the files to write: gaussians or mesh with the ending of a format (`dreamgaussian convert --help` lists
    them), such as gaussians.spz or mesh.obj; turntable.mp4, turntable.webp or turntable.gif."""
    glb: GlbSettings = field(default_factory=GlbSettings)
