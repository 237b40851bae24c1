"""What the studio and the viewer share: the page, its scripts, and answers in words."""

from pathlib import Path

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import FileResponse, JSONResponse, Response
from starlette.staticfiles import StaticFiles

STATIC = Path(__file__).parents[1] / "web"


async def page(_: Request) -> Response:
    """The one page."""
    return FileResponse(STATIC / "index.html")


def static_files() -> StaticFiles:
    """Its scripts and styles; all of them come from this folder."""
    return StaticFiles(directory=STATIC)


def in_words(_: Request, error: Exception) -> Response:
    """An error as the page shows it."""
    if isinstance(error, HTTPException):
        return JSONResponse({"error": error.detail}, error.status_code)
    return JSONResponse({"error": str(error)}, 400)
