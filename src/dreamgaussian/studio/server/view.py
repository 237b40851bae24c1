"""`dreamgaussian view`: finished files in the studio's 3D view, without runs."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Mount, Route

from dreamgaussian.core.errors import InputError
from dreamgaussian.runs.folder import RunFolder
from dreamgaussian.studio.server.auth import AuthMiddleware
from dreamgaussian.studio.server.pages import error_response, index_page, static_files
from dreamgaussian.studio.settings import StudioSettings


@dataclass(frozen=True)
class Layer:
    """Gaussians or a mesh in the format that the page draws."""

    title: str
    kind: Literal["splats", "mesh"]
    data: bytes
    """.splat records or a .glb."""


def open_layers(paths: Sequence[Path]) -> list[Layer]:
    """Read files, or the results in runs' folders. Raises InputError where one cannot be read, or there is none."""
    found: list[Path] = []
    for path in paths:
        results = RunFolder(path).results() if path.is_dir() else [path]
        if not results:
            raise InputError(f"The folder {path} holds no gaussians.ply or mesh.glb. Give a run's folder or a file.")
        found += results
    if not found:
        raise InputError("There is nothing to show. Give a file of Gaussians or a mesh, or a run's folder.")
    return [_open_layer(path) for path in found]


def view_app(layers: Sequence[Layer], settings: StudioSettings) -> Starlette:
    """The app that serves the page and the layers."""

    async def overview(_: Request) -> Response:
        return JSONResponse({"view": [{"title": layer.title, "kind": layer.kind} for layer in layers]})

    async def layer(request: Request) -> Response:
        number = request.path_params["number"]
        if number >= len(layers):
            raise HTTPException(404, f"There are only {len(layers)} files.")
        return Response(layers[number].data, media_type="application/octet-stream")

    return Starlette(
        routes=[
            Route("/", index_page),
            Route("/api/studio", overview),
            Route("/layers/{number:int}", layer),
            Mount("/static", static_files()),
        ],
        middleware=[Middleware(AuthMiddleware, settings=settings)],
        exception_handlers={HTTPException: error_response},
    )


def _open_layer(path: Path) -> Layer:
    from dreamgaussian.core.gaussians import Gaussians
    from dreamgaussian.formats import load
    from dreamgaussian.formats.glb import glb_bytes
    from dreamgaussian.formats.splat import splat_bytes

    asset = load(path)
    if isinstance(asset, Gaussians):
        return Layer(path.name, "splats", splat_bytes(asset))
    return Layer(path.name, "mesh", glb_bytes(asset))
