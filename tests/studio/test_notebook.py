"""The live view in Jupyter."""

import contextlib
import json
import signal
from pathlib import Path

import pytest

from dreamgaussian.core.errors import InputError
from dreamgaussian.studio.client import Client, LocalStudio

EXAMPLES = Path(__file__).parents[2] / "examples"
NOTEBOOK = json.loads((EXAMPLES / "04_live_in_a_notebook.ipynb").read_text())


def code() -> list[str]:
    return ["".join(cell["source"]) for cell in NOTEBOOK["cells"] if cell["cell_type"] == "code"]


def test_the_notebook_is_one_without_outputs() -> None:
    assert (NOTEBOOK["nbformat"], NOTEBOOK["nbformat_minor"]) == (4, 5)
    assert len({cell["id"] for cell in NOTEBOOK["cells"]}) == len(NOTEBOOK["cells"])
    for cell in NOTEBOOK["cells"]:
        assert not cell.get("outputs")
    for source in code():
        compile(source, "cell", "exec")


def test_a_studio_answers_a_program_in_words_and_ends_with_it(tmp_path: Path) -> None:
    with LocalStudio(tmp_path) as studio:
        client = Client(studio.address)
        with pytest.raises(InputError, match="neither an image nor a prompt"):
            client.request("/api/jobs", b"{}")
        with client.live() as socket:
            socket.send(json.dumps({"ping": 7}))
            assert b'"ping":7' in socket.recv(timeout=30)
    assert studio.process.returncode == -signal.SIGTERM


@pytest.mark.slow
def test_the_cells_run_in_their_order(tmp_path: Path) -> None:
    (tmp_path / "cactus.webp").write_bytes((EXAMPLES / "cactus.webp").read_bytes())
    names: dict[str, object] = {}
    with contextlib.chdir(tmp_path):
        for source in code():
            exec(source.replace("120", "5"), names)
            if "run" in names and "shown" not in names:
                names["shown"] = names["run"]._repr_html_()
    assert "/share/" in str(names["shown"])
    assert len(names["mesh"].faces) > 100
