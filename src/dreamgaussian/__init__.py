"""DreamGaussian: one picture in; 3D Gaussians and a clean textured mesh out.

    import dreamgaussian as dg
    result = dg.image_to_3d("cat.png")

The public names below are loaded when they are first used; importing the package loads nothing heavy.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from dreamgaussian.camera import Camera as Camera
    from dreamgaussian.config import RunConfig as RunConfig
    from dreamgaussian.config import preset as preset
    from dreamgaussian.errors import DreamGaussianError as DreamGaussianError
    from dreamgaussian.export import convert as convert
    from dreamgaussian.export import load as load
    from dreamgaussian.export import save as save
    from dreamgaussian.fitting.loop import fit as fit
    from dreamgaussian.fitting.settings import FitSettings as FitSettings
    from dreamgaussian.fitting.state import FitState as FitState
    from dreamgaussian.gaussians import Gaussians as Gaussians
    from dreamgaussian.guidance import open_prior as open_prior
    from dreamgaussian.mesh.build import build_mesh as build_mesh
    from dreamgaussian.mesh.mesh import Mesh as Mesh
    from dreamgaussian.pipeline import Result as Result
    from dreamgaussian.pipeline import generate as generate
    from dreamgaussian.pipeline import image_to_3d as image_to_3d
    from dreamgaussian.pipeline import open_run as open_run
    from dreamgaussian.pipeline import text_to_3d as text_to_3d
    from dreamgaussian.raster import choose_rasterizer as choose_rasterizer
    from dreamgaussian.subject import subject_from_picture as subject_from_picture
    from dreamgaussian.subject_settings import PosedPicture as PosedPicture

__version__ = "0.1.0"

_HOMES = {
    "Camera": "camera",
    "DreamGaussianError": "errors",
    "FitSettings": "fitting.settings",
    "FitState": "fitting.state",
    "Gaussians": "gaussians",
    "Mesh": "mesh.mesh",
    "PosedPicture": "subject_settings",
    "Result": "pipeline",
    "RunConfig": "config",
    "build_mesh": "mesh.build",
    "choose_rasterizer": "raster",
    "convert": "export",
    "fit": "fitting.loop",
    "generate": "pipeline",
    "image_to_3d": "pipeline",
    "load": "export",
    "open_prior": "guidance",
    "open_run": "pipeline",
    "preset": "config",
    "save": "export",
    "subject_from_picture": "subject",
    "text_to_3d": "pipeline",
}

__all__ = sorted(_HOMES)  # pyright: ignore[reportUnsupportedDunderAll]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'dreamgaussian' has no attribute {name!r}")
    return getattr(import_module(f"dreamgaussian.{_HOMES[name]}"), name)
