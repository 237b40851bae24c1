"""The studio's web app: its routes."""

import contextlib
from collections.abc import AsyncGenerator, Sequence

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.routing import Mount, Route, WebSocketRoute

from dreamgaussian.core.errors import DreamGaussianError
from dreamgaussian.studio.server.auth import AuthMiddleware
from dreamgaussian.studio.server.manager import JobManager
from dreamgaussian.studio.server.pages import error_response, index_page, static_files
from dreamgaussian.studio.server.uploads import Uploads
from dreamgaussian.studio.server.web_api import Api
from dreamgaussian.studio.server.workers import WORKER_COMMAND
from dreamgaussian.studio.settings import StudioSettings


def studio_app(settings: StudioSettings, worker_command: Sequence[str] = WORKER_COMMAND) -> Starlette:
    """The app, with its queue and workers, which live as long as it does.

    Raises:
        ConfigError: The folder of the uploads is not the studio's own (`Uploads`).
    """
    uploads = Uploads(settings.folder / "uploads", settings.max_upload_mb)
    manager = JobManager(settings, worker_command)
    api = Api(manager, uploads)

    @contextlib.asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncGenerator[None]:
        manager.start()
        yield
        await manager.close()

    return Starlette(
        routes=[
            Route("/", index_page),
            Route("/share/{key}", api.open_shared),
            Route("/api/studio", api.overview),
            Route("/api/images", api.upload, methods=["POST"]),
            Route("/api/words", api.reserve, methods=["POST"]),
            Route("/api/images/{id}/cutout", api.make_cutout, methods=["POST"]),
            Route("/api/images/{id}/cutout", api.cutout),
            Route("/api/jobs", api.submit, methods=["POST"]),
            Route("/api/jobs/{id}", api.delete, methods=["DELETE"]),
            Route("/api/jobs/{id}/files/{name}", api.file),
            Route("/api/jobs/{id}/exports/{name}", api.export),
            Route("/api/jobs/{id}/{command}", api.command, methods=["POST"]),
            WebSocketRoute("/live", api.live),
            Mount("/static", static_files()),
        ],
        middleware=[Middleware(AuthMiddleware, settings=settings)],
        exception_handlers={DreamGaussianError: error_response, HTTPException: error_response},
        lifespan=lifespan,
    )
