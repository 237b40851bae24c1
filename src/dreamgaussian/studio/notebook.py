"""The studio's live view inside Jupyter: a run is shown below its cell while it works."""

import atexit
import time
import uuid
from pathlib import Path
from typing import Any

from dreamgaussian.core.errors import InputError
from dreamgaussian.studio.client import Client, LocalStudio

POLL_INTERVAL_S = 0.5
FRAME = """<iframe id="{id}" style="width: 100%; height: {height}px; border: 0" title="A run, live"></iframe>
<script>
  // Under the name that the notebook itself is open as, so that the frame may keep its session.
  const name = location.hostname === "localhost" ? "localhost" : "127.0.0.1";
  document.getElementById("{id}").src = `http://${{name}}:{port}{path}?embed`;
</script>
<a href="http://127.0.0.1:{port}{path}" target="_blank">open in a window of its own</a>"""


class NotebookStudio:
    """A studio that lives as long as the notebook's kernel."""

    def __init__(self, folder: str | Path = "runs/notebook") -> None:
        self._folder = Path(folder)
        self._studio = LocalStudio(self._folder)
        atexit.register(self._studio.close)
        self._client = Client(self._studio.address)

    def start(self, image: str | Path, **settings: Any) -> "NotebookRun":
        """Start a run; `settings` are fields of the page's form: preset, prior, seed, steps, elevation_deg..."""
        return NotebookRun(self._client, self._client.start(Path(image), **settings), self._folder)

    def close(self) -> None:
        """End the studio; its runs stay in their folders."""
        self._studio.close()


class NotebookRun:
    """A run; as the last value of a cell it is displayed live."""

    def __init__(self, client: Client, job_id: str, folder: Path) -> None:
        self._client = client
        self._id = job_id
        self.folder = folder / job_id
        """The folder of its files."""

    def wait(self) -> Path:
        """Wait for the results and return their folder. Raises InputError with the run's error where it failed."""
        while (job := self._client.job(self._id))["state"] != "finished":
            if job["error"]:
                raise InputError(job["error"])
            time.sleep(POLL_INTERVAL_S)
        return self.folder

    def _repr_html_(self, height: int = 560) -> str:
        port = self._client.address.rsplit(":", 1)[1]
        return FRAME.format(id=f"run-{uuid.uuid4().hex}", height=height, port=port, path=self._client.share(self._id))
