"""Which files a run writes, and how."""

from dataclasses import dataclass, field
from typing import Literal

FileName = Literal[
    "gaussians.ply",
    "gaussians.spz",
    "gaussians.splat",
    "gaussians.glb",
    "mesh.glb",
    "mesh.usdz",
    "mesh.obj",
    "mesh.ply",
    "mesh.stl",
    "turntable.mp4",
    "turntable.webp",
    "turntable.gif",
]


@dataclass(frozen=True)
class GlbSettings:
    """How a mesh is put into a .glb file."""

    texture: Literal["png", "webp"] = "png"
    """Of the images inside: png is exact; webp is several times smaller (EXT_texture_webp)."""
    compression: Literal["none", "quantized", "meshopt"] = "none"
    """Of the geometry: quantized to 16 bits (KHR_mesh_quantization), or that and meshopt (EXT_meshopt_compression)."""


@dataclass(frozen=True)
class ExportSettings:
    """The files of a run besides preview.png and run.json, which are always written."""

    files: tuple[FileName, ...] = ("gaussians.ply", "mesh.glb", "turntable.mp4")
    """What to write; a file's ending is its format."""
    glb: GlbSettings = field(default_factory=GlbSettings)
