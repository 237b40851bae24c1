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

from dreamgaussian.camera import Camera
from dreamgaussian.export import save
from dreamgaussian.export.settings import GlbSettings
from dreamgaussian.fidelity import psnr
from dreamgaussian.mesh.raster import render_mesh
from export.subjects import bumpy

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
    facts = blender_picture(tmp_path / name, tmp_path / "picture.png")
    assert (facts["vertices"], facts["faces"]) == (len(bumpy().vertices), len(bumpy().faces))
    assert list(facts["images"].values()) == [[128, 128], [128, 128]]
    assert {"Base Color", "Normal"} <= set(facts["into"])
    picture = torch.from_numpy(np.array(Image.open(tmp_path / "picture.png").convert("RGB"))).float() / 255
    render = render_mesh(bumpy(), CAMERA, supersampling=4)
    assert psnr(picture, render.color + 1 - render.alpha[..., None]) > 40  # 44.6 measured


@pytest.mark.parametrize("name", ["a.ply", "a.stl"])
def test_blender_opens_what_has_no_material(tmp_path: Path, name: str):
    save(bumpy(), tmp_path / name)
    facts = blender_picture(tmp_path / name, tmp_path / "picture.png")
    assert facts["faces"] == len(bumpy().faces)


def blender_picture(path: Path, picture: Path) -> dict:
    """Draw a file's mesh into a picture; what Blender found in the file."""
    script = Path(__file__).with_name("blender_picture.py")
    place = [f"{value:.9g}" for value in torch.linalg.inv(CAMERA.camera_from_world).flatten().tolist()]
    arguments = [str(path), str(picture), str(CAMERA.height), str(math.radians(CAMERA.fovy_deg)), *place]
    assert PYTHON is not None
    done = subprocess.run([PYTHON, str(script), *arguments], capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr[-2000:] + done.stdout[-2000:]
    return json.loads(done.stdout.strip().splitlines()[-1])
