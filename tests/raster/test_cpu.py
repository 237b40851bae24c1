"""The C++ core against its slow twin, and what only a core with threads and instruction sets can get wrong."""

import math
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from pathlib import Path

import pytest
import torch

from dreamgaussian.core.camera import Camera
from dreamgaussian.core.errors import BackendUnavailable, ConfigError
from dreamgaussian.core.gaussians import Gaussians
from dreamgaussian.raster import Cutoffs, Rasterizer, choose_rasterizer, cpu
from dreamgaussian.raster.cpu import CpuRasterizer
from dreamgaussian.raster.reference import ReferenceRasterizer
from raster.scenes import Scene, cloud, everything, with_gradients

GRADIENT_ERROR = 1e-5  # relative L2; float32 with several hundred terms a sum gives 2e-6
IMAGE_ERROR = 1e-5  # for all but a few pixels...
FLIPPED_PIXELS = 3  # ...where float32 and float64 fall on different sides of a cut-off


def scene(name: str) -> Scene:
    camera = Camera.orbit(35, 15, (61, 47))  # neither side is a multiple of a block
    match name:
        case "plain":
            return Scene(cloud(300), camera)
        case "normals":
            return Scene(cloud(200, seed=1, degree=3), camera, torch.randn(200, 3))
        case "many channels":
            return Scene(cloud(100, seed=2, degree=1), camera, torch.randn(100, 9))
        case "one channel":
            return Scene(cloud(100, seed=3, degree=2), camera, torch.randn(100, 1))
        case "opaque":
            return Scene(cloud(200, seed=4, opacity=0.97), camera)
        case "faint":
            return Scene(cloud(200, seed=5, opacity=0.01), camera)
        case "no cut-offs":
            return Scene(cloud(60, seed=6), camera, torch.randn(60, 3), Cutoffs.off())
        case "close":
            return Scene(cloud(100, seed=7), Camera.orbit(10, -40, (40, 30), radius=0.6, fovy_deg=80))
        case "far":
            return Scene(cloud(200, seed=8), Camera.orbit(10, 40, (9, 5), radius=8))
        case "large":
            gaussians = cloud(40, seed=9)
            return Scene(gaussians.zip_map(lambda t, s: t + s, Gaussians(*_shift(gaussians, 2.0))), camera)
        case "thin":
            gaussians = cloud(200, seed=10)
            gaussians.log_scales[:, 1:] -= 6
            gaussians.log_scales[:, 0] += 1
            return Scene(gaussians, camera)
        case _:
            raise AssertionError(name)


def _shift(gaussians: Gaussians, amount: float) -> list[torch.Tensor]:
    return [torch.full_like(t, amount if name == "log_scales" else 0.0) for name, t in gaussians.tensors().items()]


SCENES = ["plain", "normals", "many channels", "one channel", "opaque", "faint", "no cut-offs"]
SCENES += ["close", "far", "large", "thin"]


@cache
def expected(name: str) -> tuple[Scene, dict[str, torch.Tensor]]:
    torch.manual_seed(0)
    chosen = scene(name)
    return chosen, everything(ReferenceRasterizer(), chosen, torch.float64)


@pytest.mark.parametrize("name", SCENES)
def test_agrees_with_the_reference(cpu_rasterizer: Rasterizer, name: str) -> None:
    chosen, references = expected(name)
    found = everything(cpu_rasterizer, chosen)
    for key, reference in references.items():
        difference = (found[key].double() - reference).abs()
        if "grad" in key:
            # Where every gradient is nought (the quaternions of spheres), float32's noise is all there is.
            error = (difference.norm() / reference.norm().clamp_min(1e-3)).item()
            assert error <= GRADIENT_ERROR, f"{key}: {error:.1e}, worst at {int(difference.argmax())}"
        elif reference.numel():
            scale = max(1.0, reference.abs().max().item())
            errors = difference.flatten().sort(descending=True).values / scale
            assert errors[min(FLIPPED_PIXELS, len(errors) - 1)] <= IMAGE_ERROR, f"{key}: {errors[:5].tolist()}"
            assert errors[0] <= 5e-3, f"{key}: worst at {int(difference.argmax())}"


@pytest.mark.parametrize("size", [(1, 1), (3, 2), (4, 4), (15, 17), (16, 16), (33, 5)])
def test_every_size_of_image(cpu_rasterizer: Rasterizer, size: tuple[int, int]) -> None:
    chosen = Scene(cloud(30), Camera.orbit(0, 0, size))
    reference = everything(ReferenceRasterizer(), chosen, torch.float64)
    found = everything(cpu_rasterizer, chosen)
    for key in ("color", "alpha", "depth"):
        torch.testing.assert_close(found[key].double(), reference[key], atol=IMAGE_ERROR, rtol=0)
    for key in ("gradient of means", "gradient of sh"):
        assert (found[key] - reference[key]).norm() <= GRADIENT_ERROR * reference[key].norm().clamp_min(1e-3)


@pytest.fixture
def set_threads() -> Iterator[Callable[[int], None]]:
    before = torch.get_num_threads()
    yield torch.set_num_threads
    torch.set_num_threads(before)


def test_the_number_of_threads_changes_no_bit(cpu_rasterizer: Rasterizer, set_threads: Callable[[int], None]) -> None:
    chosen = Scene(cloud(3000), Camera.orbit(35, 15, (200, 120)), torch.randn(3000, 3))
    results = []
    for count in (1, 2, 3, 2):
        set_threads(count)
        results.append(everything(cpu_rasterizer, chosen))
    for result in results[1:]:
        for key, tensor in results[0].items():
            assert torch.equal(result[key], tensor), key


def test_several_python_threads_may_draw_at_once(set_threads: Callable[[int], None]) -> None:
    set_threads(2)
    rasterizer = CpuRasterizer()
    scenes = [Scene(cloud(400, seed=seed), Camera.orbit(10 * seed, 0, 60 + 16 * seed)) for seed in range(4)]
    alone = [everything(rasterizer, each) for each in scenes]
    with ThreadPoolExecutor(4) as pool:
        together = list(pool.map(lambda i: everything(rasterizer, scenes[i % 4]), range(40)))
    for i, found in enumerate(together):
        for key, tensor in alone[i % 4].items():
            assert torch.equal(found[key], tensor), key


FORK = """
import os, sys, torch
sys.path.insert(0, {tests!r})
from raster.scenes import Scene, cloud, everything
from dreamgaussian.core.camera import Camera
from dreamgaussian.raster.cpu import CpuRasterizer
torch.set_num_threads(2)
draw = lambda: everything(CpuRasterizer(), Scene(cloud(400), Camera.orbit(0, 0, 64)))
before = draw()
child = os.fork()
after = draw()
same = all(torch.equal(before[key], after[key]) for key in before)
if child == 0:
    os._exit(0 if same else 1)
_, status = os.waitpid(child, 0)
sys.exit(0 if same and status == 0 else 1)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="Windows does not fork")
def test_a_forked_child_draws_with_threads_of_its_own() -> None:
    program = FORK.format(tests=str(Path(__file__).parents[1]))
    subprocess.run([sys.executable, "-c", program], check=True, timeout=60)


EXTREMES = {
    "log_scales": [-1e3, -40.0, 20.0, 80.0, 1e3],
    "opacity_logits": [-1e4, -90.0, 90.0, 1e4],
    "means": [1e-30, 1e4, -1e18, 1e30],
    "quats_wxyz": [1e-30, 1e-12, 1e15],
}


@pytest.mark.parametrize(("name", "value"), [(name, value) for name, values in EXTREMES.items() for value in values])
def test_extreme_numbers_neither_crash_nor_spread(cpu_rasterizer: Rasterizer, name: str, value: float) -> None:
    gaussians = cloud(40)
    gaussians.tensors()[name][::7] = value
    found = everything(cpu_rasterizer, Scene(gaussians, Camera.orbit(0, 0, 40)))
    for key, tensor in found.items():
        assert torch.isfinite(tensor).all(), key
    assert found["alpha"].max() <= 1


def test_many_large_gaussians_fit_into_the_lists(cpu_rasterizer: Rasterizer) -> None:
    """Every Gaussian on every tile: the records of a chunk outgrow their first memory."""
    gaussians = cloud(700, opacity=0.02)
    gaussians.log_scales[:] = math.log(3.0)
    found = everything(cpu_rasterizer, Scene(gaussians, Camera.orbit(0, 0, 150)))
    assert all(torch.isfinite(tensor).all() for tensor in found.values())


def test_inputs_need_not_be_contiguous() -> None:
    gaussians = cloud(50)
    strided = gaussians.map(lambda tensor: torch.stack([tensor, tensor], dim=-1)[..., 0])
    assert not strided.means.is_contiguous()
    camera = Camera.orbit(0, 0, 32)
    a, b = (everything(CpuRasterizer(), Scene(each, camera)) for each in (gaussians, strided))
    assert all(torch.equal(a[key], b[key]) for key in a)


def test_changing_a_parameter_between_the_passes_is_noticed() -> None:
    gaussians = with_gradients(cloud(20))
    loss = CpuRasterizer().render(gaussians, Camera.orbit(0, 0, 16)).color.sum()
    with torch.no_grad():
        gaussians.means.add_(1)
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        loss.backward()


def test_the_core_never_sees_tensors_of_the_wrong_shape() -> None:
    shapes = [(5, 3), (5, 3), (5, 4), (4,), (5, 3), (5, 0)]
    arguments = cpu.RenderArguments([0.0] * 13, [0.0] * 6, 8, 8, 1.0, 0.0)
    with pytest.raises(AssertionError, match=r"\(4,?\)|\[4\]"):
        cpu._Draw.apply(arguments, torch.zeros(5, 2), *(torch.zeros(shape) for shape in shapes))


def test_float64_is_refused_with_advice() -> None:
    with pytest.raises(ConfigError, match=r"means is torch.float64 on cpu. Move them with gaussians.to"):
        CpuRasterizer().render(cloud(3).to(torch.float64), Camera.orbit(0, 0, 8))


def test_a_missing_core_is_explained_and_auto_falls_back_aloud(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(cpu, "_core", None)
    monkeypatch.setattr(cpu, "_why_not", "no module", raising=False)
    with pytest.raises(BackendUnavailable, match=r"not there \(no module\).*compiler.*reference"):
        choose_rasterizer("cpu", torch.device("cpu"))
    assert choose_rasterizer("auto", torch.device("cpu")).name == "reference"
    assert "slower" in caplog.text


LOAD = """
import importlib.util
spec = importlib.util.spec_from_file_location("_core", {path!r})
core = importlib.util.module_from_spec(spec)
spec.loader.exec_module(core)
print(core.instruction_set())
"""


def test_the_environment_chooses_the_instruction_set() -> None:
    from dreamgaussian import _core

    def run(name: str) -> subprocess.CompletedProcess[str]:
        program = LOAD.format(path=_core.__file__)
        environment = os.environ | {"DREAMGAUSSIAN_ISA": name}
        return subprocess.run([sys.executable, "-c", program], env=environment, capture_output=True, text=True)

    slowest = _core.instruction_sets()[0]
    assert run(slowest).stdout.strip() == slowest
    assert "no instruction set mmx here, only: " in run("mmx").stderr
