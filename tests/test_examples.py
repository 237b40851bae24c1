"""The numbered examples run as they stand, with few steps."""

import importlib.util
from pathlib import Path
from types import ModuleType

EXAMPLES = Path(__file__).parent.parent / "examples"
IMAGE = EXAMPLES / "cactus.webp"


def example(name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(name, EXAMPLES / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_every_numbered_example_is_tested():
    names = {path.stem for path in EXAMPLES.glob("[0-9]*.py")}
    assert names == {"01_image_to_3d", "02_step_by_step", "03_your_own_prior"}


def test_step_by_step(tmp_path):
    example("02_step_by_step").main(IMAGE, tmp_path, steps=20)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["gaussians.ply", "half-way.safetensors", "shape.obj"]


def test_your_own_prior(tmp_path):
    example("03_your_own_prior").main(IMAGE, tmp_path / "run", steps=20)
    names = {path.name for path in (tmp_path / "run").iterdir()}
    assert names == {"gaussians.ply", "mesh.glb", "turntable.mp4", "preview.png", "run.json"}


def test_image_to_3d(tmp_path, capsys):
    example("01_image_to_3d").main(IMAGE, tmp_path, preset="quick")
    assert "Gaussians" in capsys.readouterr().out
    assert (tmp_path / "mesh.glb").stat().st_size > 10_000
