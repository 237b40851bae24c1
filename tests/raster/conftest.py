import platform
from collections.abc import Iterator

import pytest
import torch

from dreamgaussian.core.errors import BackendUnavailable
from dreamgaussian.raster import Rasterizer, choose_rasterizer


def open_or_skip(name: str) -> Rasterizer:
    try:
        return choose_rasterizer(name, torch.device("cpu"))
    except BackendUnavailable as problem:
        pytest.skip(str(problem))


@pytest.fixture(params=["reference", "cpu"])
def rasterizer(request: pytest.FixtureRequest) -> Rasterizer:
    """Every rasteriser that draws tensors on the CPU."""
    return open_or_skip(request.param)


@pytest.fixture(params=["sse4", "avx2", "avx512"] if platform.machine() in ("x86_64", "AMD64") else ["generic"])
def cpu_rasterizer(request: pytest.FixtureRequest) -> Iterator[Rasterizer]:
    """The C++ core, with each of its instruction sets."""
    rasterizer = open_or_skip("cpu")
    from dreamgaussian import _core

    if request.param not in _core.instruction_sets():
        pytest.skip(f"{request.param} does not run here")
    before = _core.instruction_set()
    _core.use_instruction_set(request.param)
    yield rasterizer
    _core.use_instruction_set(before)
