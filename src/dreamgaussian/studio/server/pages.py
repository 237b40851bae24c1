"""What the studio and the viewer share: the page, its scripts, and error responses."""

from pathlib import Path

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import FileResponse, JSONResponse, Response
from starlette.staticfiles import StaticFiles

STATIC = Path(__file__).parents[1] / "web"


async def index_page(_: Request) -> Response:
    """The one HTML page."""
    return FileResponse(STATIC / "index.html")


def static_files() -> StaticFiles:
    """The page's scripts and styles, all from this package."""
    return StaticFiles(directory=STATIC)


def error_response(_: Request, error: Exception) -> Response:
    """An error as JSON, `{"error": message}`, for the page to show."""
    if isinstance(error, HTTPException):
        return JSONResponse({"error": error.detail}, error.status_code)
    return JSONResponse({"error": str(error)}, 400)
