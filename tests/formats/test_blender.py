"""What Blender makes of our files. Its Python module is large and under the GPL, so it is never installed with us:
pip install bpy into some Python 3.11 and name it in BLENDER_PYTHON, or into the one that runs the tests.
"""

import json
import math
import os
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from dreamgaussian.core.camera import Camera
from dreamgaussian.core.image import psnr
from dreamgaussian.formats import save
from dreamgaussian.formats.settings import GlbSettings
from dreamgaussian.raster.mesh import render_mesh
from formats.subjects import bumpy

PYTHON = os.environ.get("BLENDER_PYTHON", sys.executable if find_spec("bpy") else None)
CAMERA = Camera.orbit(30, 20, 256)

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(PYTHON is None, reason="Blender is missing: pip install bpy, or name a Python that has it"),
]


@pytest.mark.parametrize(
    ("name", "settings"),
    [
        ("a.glb", GlbSettings()),
        ("a.glb", GlbSettings("webp", "quantized")),
        ("a.obj", GlbSettings()),
        ("a.usdz", GlbSettings()),
    ],
    ids=["glb", "glb-webp-quantized", "obj", "usdz"],
)
def test_blender_shows_what_we_see(tmp_path: Path, name: str, settings: GlbSettings):
    save(bumpy(), tmp_path / name, settings)
    facts = blender_image(tmp_path / name, tmp_path / "image.png")
    assert (facts["vertices"], facts["faces"]) == (len(bumpy().vertices), len(bumpy().faces))
    assert list(facts["images"].values()) == [[128, 128], [128, 128]]
    assert {"Base Color", "Normal"} <= set(facts["into"])
    image = torch.from_numpy(np.array(Image.open(tmp_path / "image.png").convert("RGB"))).float() / 255
    render = render_mesh(bumpy(), CAMERA, supersampling=4)
    assert psnr(image, render.color + 1 - render.alpha[..., None]) > 40  # 44.6 measured


@pytest.mark.parametrize("name", ["a.ply", "a.stl"])
def test_blender_opens_what_has_no_material(tmp_path: Path, name: str):
    save(bumpy(), tmp_path / name)
    facts = blender_image(tmp_path / name, tmp_path / "image.png")
    assert facts["faces"] == len(bumpy().faces)


def blender_image(path: Path, image: Path) -> dict:
    """Draw a file's mesh into an image; what Blender found in the file."""
    script = Path(__file__).with_name("blender_image.py")
    place = [f"{value:.9g}" for value in torch.linalg.inv(CAMERA.camera_from_world).flatten().tolist()]
    arguments = [str(path), str(image), str(CAMERA.height), str(math.radians(CAMERA.fovy_deg)), *place]
    assert PYTHON is not None
    done = subprocess.run([PYTHON, str(script), *arguments], capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr[-2000:] + done.stdout[-2000:]
    return json.loads(done.stdout.strip().splitlines()[-1])
