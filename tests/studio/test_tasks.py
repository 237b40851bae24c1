"""Cut-outs and exports, and what is refused."""

from pathlib import Path

import pytest
import torch
from PIL import Image

from dreamgaussian.config import to_json
from dreamgaussian.core.errors import InputError
from dreamgaussian.formats import load, save
from dreamgaussian.studio.server.forms import config_from_form
from dreamgaussian.studio.settings import StudioSettings
from dreamgaussian.studio.worker.tasks import run_task
from meshing.shapes import sphere
from studio.bomb import bomb

EXAMPLES = Path(__file__).parents[2] / "examples"
MAX_PIXELS = 50_000_000


def cut_out(image: Path | str, target: Path, **form: object) -> dict:
    config = to_json(config_from_form(form, StudioSettings()))
    task = {"image": str(image), "target": str(target), "config": config, "max_pixels": MAX_PIXELS}
    return run_task({"task": "cutout", **task})


@pytest.mark.parametrize(("width", "height"), [(10_000, 6_000), (12_000, 10_000), (60_000, 60_000)])
def test_a_small_file_of_huge_dimensions_is_refused_before_it_is_decoded(tmp_path, width, height):
    image = bomb(tmp_path / "bomb", width, height)
    assert image.stat().st_size < 100
    with pytest.raises(InputError, match="megapixels"):
        cut_out(image, tmp_path / "cutout.webp")


def test_what_is_no_image_is_refused_in_words(tmp_path):
    (tmp_path / "page").write_bytes(b"<svg xmlns='http://www.w3.org/2000/svg'/>")
    with pytest.raises(InputError, match="cannot be read as an image"):
        cut_out(tmp_path / "page", tmp_path / "cutout.webp")


def test_an_image_is_cut_out_and_recentred(tmp_path):
    answer = cut_out(EXAMPLES / "teapot.webp", tmp_path / "cutout.webp", elevation_deg=20)
    assert answer["elevation_deg"] == pytest.approx(20)
    with Image.open(tmp_path / "cutout.webp") as image:
        left, top, right, bottom = image.getchannel("A").point(lambda alpha: 255 * (alpha > 25)).getbbox()
        assert left + right == pytest.approx(image.width, abs=4)
        assert top + bottom == pytest.approx(image.height, abs=4)
    with Image.open(EXAMPLES / "teapot.webp") as image:
        assert 0 < answer["crop"]["side"] < 2 * max(image.size)


def test_words_are_shown_as_the_image_that_a_run_makes_of_them(tmp_path):
    answer = cut_out("", tmp_path / "cutout.webp", prompt="a red armchair")
    assert answer["elevation_deg"] == pytest.approx(15)
    with Image.open(tmp_path / "cutout.webp") as image:
        red, green, blue, alpha = torch.frombuffer(bytearray(image.tobytes()), dtype=torch.uint8).view(-1, 4).T.float()
    assert (red[alpha > 200] - torch.maximum(green, blue)[alpha > 200]).mean() > 50


def test_words_for_a_prior_that_reads_them_have_no_image(tmp_path):
    assert cut_out("", tmp_path / "cutout.webp", prompt="a chair", prior="mvdream") == {"crop": None}
    assert not (tmp_path / "cutout.webp").exists()


def test_a_result_is_exported(tmp_path):
    save(sphere(), tmp_path / "mesh.glb")
    assert run_task({"task": "export", "folder": str(tmp_path), "name": "mesh.stl"}) == {"file": "mesh.stl"}
    assert len(load(tmp_path / "exports" / "mesh.stl").faces) == len(sphere().faces)
