"""Uploaded images that wait for their run; the names of uploaded files never become paths."""

import re
import secrets
import time
from dataclasses import dataclass
from pathlib import Path

from starlette.exceptions import HTTPException
from starlette.requests import Request

from dreamgaussian.core.errors import ConfigError

MAX_AGE_S = 24 * 3600
MAX_TITLE_CHARACTERS = 60
OWN_NAME = re.compile(r"upload-[0-9a-f]{16}(\.webp)?|\.upload-[0-9a-f]{16}-\w{8}\.webp")
"""Names of the files written here: an image, its cut-out, and a cut-out that was never finished (`atomic_path`)."""


@dataclass(frozen=True)
class Upload:
    """An image file as received, not yet decoded, or only a place for the cut-out of a prompt."""

    id: str
    owner: str
    title: str
    path: Path
    created: float
    """Seconds since 1970."""

    @property
    def has_image(self) -> bool:
        """Whether there is an image file."""
        return self.path.exists()

    @property
    def cutout(self) -> Path:
        """Path of its cut-out."""
        return self.path.with_suffix(".webp")


class Uploads:
    """The images of all sessions; they are removed after a day, and when the server starts.

    Whatever else lies in the folder is left alone: only regular files with the studio's own names are removed.
    """

    def __init__(self, folder: Path, max_mb: float) -> None:
        """Remove what an earlier server left.

        Args:
            folder: Where the files are kept; made if need be.
            max_mb: Largest file that is taken, in megabytes (10^6 bytes).

        Raises:
            ConfigError: The folder is a symbolic link or a file, so it is not the studio's own.
        """
        if folder.is_symlink() or (folder.exists() and not folder.is_dir()):
            kind = "a symbolic link" if folder.is_symlink() else "a file"
            raise ConfigError(
                f"{folder} is {kind}, but the studio keeps uploads in a folder of its own there. Rename it, or pass "
                "another --folder."
            )
        self._folder = folder
        self._max_bytes = round(max_mb * 1e6)
        self._uploads: dict[str, Upload] = {}
        folder.mkdir(parents=True, exist_ok=True)
        for left in folder.iterdir():
            if OWN_NAME.fullmatch(left.name) and left.is_file() and not left.is_symlink():
                left.unlink()

    async def receive(self, request: Request, owner: str, name: str) -> Upload:
        """Write a request's body to a file. Raises HTTPException where it is empty or larger than the limit."""
        upload = self.reserve(owner, title_from(name))
        size = 0
        try:
            with upload.path.open("wb") as file:
                async for chunk in request.stream():
                    size += len(chunk)
                    if size > self._max_bytes:
                        limit = f"{self._max_bytes / 1e6:g} MB"
                        raise HTTPException(413, f"The image is larger than {limit}. Choose a smaller one.")
                    file.write(chunk)
            if not size:
                raise HTTPException(400, "The image is empty. Choose another.")
        except BaseException:
            self._remove(upload)
            raise
        return upload

    def reserve(self, owner: str, title: str) -> Upload:
        """A place without an image file, for the cut-out of a prompt."""
        for old in [upload for upload in self._uploads.values() if time.time() - upload.created > MAX_AGE_S]:
            self._remove(old)
        upload_id = secrets.token_hex(8)
        upload = self._uploads[upload_id] = Upload(
            upload_id, owner, title, self._folder / f"upload-{upload_id}", time.time()
        )
        return upload

    def get(self, upload_id: str, owner: str) -> Upload:
        """A session's own upload. Raises HTTPException (404) for anything else."""
        upload = self._uploads.get(upload_id)
        if upload is None or upload.owner != owner:
            raise HTTPException(404, "This image is no longer kept. Drop it again.")
        return upload

    def _remove(self, upload: Upload) -> None:
        del self._uploads[upload.id]
        upload.path.unlink(missing_ok=True)
        upload.cutout.unlink(missing_ok=True)


def title_from(name: str) -> str:
    """A file's name as a title: no folders, no ending, no control characters."""
    stem = re.sub(r"\.\w{1,5}$", "", re.split(r"[/\\]", name)[-1])
    return re.sub(r"[\x00-\x1f\x7f]", "", stem).strip()[:MAX_TITLE_CHARACTERS] or "Image"
