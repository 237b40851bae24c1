"""DreamGaussian: one image in; 3D Gaussians and a clean textured mesh out.

    import dreamgaussian as dg
    result = dg.image_to_3d("cat.png")

The public names below are loaded when they are first used; importing the package loads nothing heavy.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from dreamgaussian.api import Result as Result
    from dreamgaussian.api import image_to_3d as image_to_3d
    from dreamgaussian.api import resume as resume
    from dreamgaussian.api import text_to_3d as text_to_3d
    from dreamgaussian.config import RunConfig as RunConfig
    from dreamgaussian.config import preset as preset
    from dreamgaussian.core.camera import Camera as Camera
    from dreamgaussian.core.errors import DreamGaussianError as DreamGaussianError
    from dreamgaussian.core.gaussians import Gaussians as Gaussians
    from dreamgaussian.core.mesh import Mesh as Mesh
    from dreamgaussian.fitting.loop import fit as fit
    from dreamgaussian.fitting.settings import FitSettings as FitSettings
    from dreamgaussian.fitting.state import FitState as FitState
    from dreamgaussian.formats import convert as convert
    from dreamgaussian.formats import load as load
    from dreamgaussian.formats import save as save
    from dreamgaussian.guidance.spec import PriorSpec as PriorSpec
    from dreamgaussian.guidance.spec import SuggestedSettings as SuggestedSettings
    from dreamgaussian.inputs.settings import PosedImage as PosedImage
    from dreamgaussian.inputs.subject import subject_from_image as subject_from_image
    from dreamgaussian.meshing.build import build_mesh as build_mesh
    from dreamgaussian.pipeline import generate as generate
    from dreamgaussian.priors.registry import PriorRecord as PriorRecord
    from dreamgaussian.priors.registry import open_prior as open_prior
    from dreamgaussian.raster import choose_rasterizer as choose_rasterizer
    from dreamgaussian.runs.opening import open_run as open_run

__version__ = "0.1.0"

_HOMES = {
    "Camera": "core.camera",
    "DreamGaussianError": "core.errors",
    "FitSettings": "fitting.settings",
    "FitState": "fitting.state",
    "Gaussians": "core.gaussians",
    "Mesh": "core.mesh",
    "PosedImage": "inputs.settings",
    "PriorRecord": "priors.registry",
    "PriorSpec": "guidance.spec",
    "Result": "api",
    "RunConfig": "config",
    "SuggestedSettings": "guidance.spec",
    "build_mesh": "meshing.build",
    "choose_rasterizer": "raster",
    "convert": "formats",
    "fit": "fitting.loop",
    "generate": "pipeline",
    "image_to_3d": "api",
    "load": "formats",
    "open_prior": "priors.registry",
    "open_run": "runs.opening",
    "preset": "config",
    "resume": "api",
    "save": "formats",
    "subject_from_image": "inputs.subject",
    "text_to_3d": "api",
}

__all__ = sorted(_HOMES)  # pyright: ignore[reportUnsupportedDunderAll]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'dreamgaussian' has no attribute {name!r}")
    return getattr(import_module(f"dreamgaussian.{_HOMES[name]}"), name)
