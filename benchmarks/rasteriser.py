"""Rasterisers side by side: seconds of the processor for a forward and a backward pass, on scenes of the method's kind.

    OMP_WAIT_POLICY=PASSIVE python benchmarks/rasteriser.py --gsplat --output benchmarks/results/rasteriser.md

Rounds are interleaved, so that a busy machine slows all alike, and what is compared is the time of the processor, not
of the clock. A further peer is an adapter, kept wherever it is:

    --adapter name=module:factory --path FOLDER

where `factory(*arguments)` returns `render(gaussians, camera, background, means2d_probe=None) -> (rgb, alpha, ...)`;
`gaussians` is a dict of means, quats, scales, opacities and colors (after their activations), `camera` has viewmat
(OpenCV), K, width and height. Ours has the activations and their backward pass in its times, the adapters have not.
"""

import datetime
import importlib
import math
import platform
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import torch
import tyro
from torch import Tensor

from dreamgaussian.core.camera import Camera
from dreamgaussian.core.gaussians import SH_C0, Gaussians
from dreamgaussian.raster import choose_rasterizer

Draw = Callable[[], tuple[Tensor, Tensor]]
RADIUS = 0.62  # the object's; it covers about 40 % of the frame


@dataclass(frozen=True)
class Settings:
    """What to compare."""

    scenes: tuple[str, ...] = ("5000x128", "20000x256", "50000x512")
    """Numbers of Gaussians and pixels along a side."""
    kinds: tuple[str, ...] = ("trained", "initial")
    """`trained`: a bumpy surface, anisotropic, of many opacities. `initial`: a uniform ball of opacity 0.1."""
    rasterizers: tuple[str, ...] = ("cpu",)
    """Our own that take part; `reference` only in images of 128 pixels and less."""
    gsplat: bool = False
    """Let gsplat's pure-torch path take part (see benchmarks/gsplat_torch.py); minutes."""
    adapter: tuple[str, ...] = ()
    """Further peers: name=module:factory or name=module:factory(arguments)."""
    path: tuple[Path, ...] = ()
    """Folders where the adapters' modules are."""
    threads: int = 1
    """Threads of torch and of our rasteriser."""
    rounds: int = 30
    """Most rounds per scene."""
    budget: float = 20.0
    """Seconds per scene and rasteriser after which three rounds are enough."""
    output: Path | None = None
    """Where to write the results as Markdown."""


@dataclass
class Times:
    """Seconds per round of one rasteriser on one scene."""

    cpu: list[float] = field(default_factory=list)
    wall: list[float] = field(default_factory=list)


def gaussians_of(kind: str, count: int) -> dict[str, Tensor]:
    """A seeded object, by its parameters after the activations."""
    generator = torch.Generator().manual_seed(0)

    def uniform(columns: int) -> Tensor:
        return torch.rand(count, columns, generator=generator)

    def normal(columns: int) -> Tensor:
        return torch.randn(count, columns, generator=generator)

    directions = torch.nn.functional.normalize(normal(3), dim=1)
    if kind == "initial":
        spacing = 0.55 * RADIUS * (4 * math.pi / 3 / count) ** (1 / 3)
        return {
            "means": directions * RADIUS * uniform(1) ** (1 / 3),
            "quats": torch.tensor([1.0, 0.0, 0.0, 0.0]).repeat(count, 1),
            "scales": torch.full((count, 3), spacing),
            "opacities": torch.full((count,), 0.1),
            "colors": uniform(3),
        }
    x, y = directions[:, :1], directions[:, 1:2]
    surface = 1 - 0.12 * uniform(1) ** 3 - 0.05 * torch.sin(7 * x) * torch.cos(5 * y)
    inside = (uniform(1) < 0.2) * 0.5 * uniform(1)
    spacing = math.sqrt(4 * math.pi * RADIUS**2 / count)
    flat = torch.tensor([1.0, 1.0, 0.35])
    return {
        "means": directions * RADIUS * surface * (1 - inside),
        "quats": normal(4),
        "scales": 0.7 * spacing * torch.exp(0.45 * normal(3)) * flat,
        "opacities": torch.sigmoid(0.5 + 2 * normal(1))[:, 0],
        "colors": uniform(3),
    }


def ours(name: str, scene: dict[str, Tensor], camera: Camera) -> tuple[Draw, list[Tensor]]:
    """One of our rasterisers, and the parameters whose gradients it makes."""
    rasterizer = choose_rasterizer(name, torch.device("cpu"))
    parameters = Gaussians(
        means=scene["means"],
        log_scales=scene["scales"].log(),
        quats_wxyz=scene["quats"],
        opacity_logits=scene["opacities"].logit(),
        sh=((scene["colors"] - 0.5) / SH_C0)[:, None],
    ).map(lambda tensor: tensor.clone().requires_grad_())

    def draw() -> tuple[Tensor, Tensor]:
        render = rasterizer.render(parameters, camera)
        return render.color, render.alpha

    return draw, list(parameters.tensors().values())


def load(spec: str) -> Callable[..., Any]:
    """The render function of an adapter."""
    module, call = spec.split(":", 1)
    factory, _, arguments = call.partition("(")
    parsed = [part.strip().strip("'\"") for part in arguments.rstrip(")").split(",") if part.strip()]
    return getattr(importlib.import_module(module), factory)(*parsed)


def adapted(spec: str, scene: dict[str, Tensor], camera: Camera) -> tuple[Draw, list[Tensor]]:
    """A peer, and the parameters whose gradients it makes."""
    render = load(spec)
    parameters = {name: tensor.clone().requires_grad_() for name, tensor in scene.items()}
    focal, width, height = camera.focal_px, camera.width, camera.height
    view = SimpleNamespace(
        viewmat=camera.opencv_from_world.float(),
        K=torch.tensor([[focal, 0, width / 2], [0, focal, height / 2], [0, 0, 1]]),
        width=width,
        height=height,
    )
    probe = torch.zeros(len(scene["means"]), 2, requires_grad=True)

    def draw() -> tuple[Tensor, Tensor]:
        color, alpha, *_ = render(parameters, view, None, means2d_probe=probe)
        return color, alpha

    return draw, [*parameters.values(), probe]


def peers_of(settings: Settings, scene: dict[str, Tensor], camera: Camera) -> dict[str, tuple[Draw, list[Tensor]]]:
    """All that take part on one scene, by name."""
    peers: dict[str, tuple[Draw, list[Tensor]]] = {}
    for name in settings.rasterizers:
        if name != "reference" or camera.height <= 128:
            peers[name] = ours(name, scene, camera)
    specs = [spec.split("=", 1) for spec in settings.adapter]
    for name, spec in [*specs, *([["gsplat torch", "gsplat_torch:make"]] if settings.gsplat else [])]:
        peers[name] = adapted(spec, scene, camera)
    return peers


def compare(settings: Settings, kind: str, count: int, size: int) -> dict[str, Times]:
    """Times of all peers on one scene, in interleaved rounds."""
    camera = Camera.orbit(35.0, 15.0, size)
    peers = peers_of(settings, gaussians_of(kind, count), camera)
    generator = torch.Generator().manual_seed(0)
    gradients = [torch.randn(size, size, 3, generator=generator), torch.randn(size, size, generator=generator)]
    first, *_ = peers.values()
    expected = first[0]()[0].detach()
    for name, (draw, _) in peers.items():
        difference = (draw()[0].detach() - expected).abs()
        assert (difference > 5e-3).sum() <= 10, f"{name} draws something else: {difference.max()}"
    times = {name: Times() for name in peers}
    for i in range(settings.rounds):
        for name, (draw, parameters) in peers.items():
            if sum(times[name].wall) > settings.budget and i >= 3:
                continue
            for parameter in parameters:
                parameter.grad = None
            cpu, wall = time.process_time(), time.perf_counter()
            torch.autograd.backward(draw(), gradients)
            times[name].cpu.append(time.process_time() - cpu)
            times[name].wall.append(time.perf_counter() - wall)
    return times


def table(settings: Settings) -> Iterable[str]:
    """The results, line by line."""
    yield "| scene | rasteriser | CPU, least | CPU, median | wall, least | wall, median | CPU against the first |"
    yield "|---|---|---|---|---|---|---|"
    for kind in settings.kinds:
        for scene in settings.scenes:
            count, size = map(int, scene.split("x"))
            times = compare(settings, kind, count, size)
            base = min(next(iter(times.values())).cpu)
            for name, each in times.items():
                columns = [min(each.cpu), statistics.median(each.cpu), min(each.wall), statistics.median(each.wall)]
                cells = " | ".join(f"{1e3 * seconds:.2f}" for seconds in columns)
                yield f"| {kind} {count} @ {size} | {name} | {cells} | {min(each.cpu) / base:.2f} |"


def machine() -> str:
    """Processor, instruction set and versions, in a line."""
    from dreamgaussian import _core

    model = platform.processor() or platform.machine()
    if Path("/proc/cpuinfo").exists():
        lines = Path("/proc/cpuinfo").read_text().splitlines()
        facts = dict(line.split(":", 1) for line in lines if ":" in line)
        facts = {key.strip(): value.strip() for key, value in facts.items()}
        model = f"{facts.get('model name', model)}, family {facts.get('cpu family')} model {facts.get('model')}"
    return f"{model}, kernels {_core.instruction_set()}, torch {torch.__version__}, Python {platform.python_version()}"


def commit() -> str:
    """The last commit that touched the rasterisers; a plus for changes on top."""
    root = Path(__file__).parents[1]
    parts = ["csrc", "src/dreamgaussian/raster"]

    def git(*arguments: str) -> str:
        return subprocess.run(
            ["git", *arguments, "--", *parts], cwd=root, capture_output=True, text=True
        ).stdout.strip()

    return (git("log", "-1", "--format=%h") or "unknown") + ("+" if git("status", "--short") else "")


def main(settings: Settings) -> None:
    """Compare rasterisers."""
    sys.path[:0] = [str(Path(__file__).parent), *map(str, settings.path)]
    torch.set_num_threads(settings.threads)
    header = f"{datetime.date.today()}, commit {commit()}, {settings.threads} thread(s), milliseconds.  \n{machine()}\n"
    print(header, flush=True)
    lines: list[str] = []
    for line in table(settings):
        print(line, flush=True)
        lines.append(line)
    if settings.output:
        settings.output.parent.mkdir(parents=True, exist_ok=True)
        with settings.output.open("a") as file:
            file.write("\n".join(["", header, *lines, ""]))


if __name__ == "__main__":
    main(tyro.cli(Settings, description=__doc__))
