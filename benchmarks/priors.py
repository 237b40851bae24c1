"""Seconds per guided step and memory of the hub's priors at full size: `python benchmarks/priors.py`.

A step is what stage 1 asks of a prior: encode the rendered views, one guided prediction, and the gradient back to the
pixels. The weights are random. Each prior runs in a process of its own. Writes benchmarks/results/priors.md.
With the tiny encoder SDXL needs 8 GB; its exact one, asked for with --encoder, half as much again.
"""

import os

os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

import argparse
import json
import platform
import statistics
import subprocess
import sys
import time
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from importlib.resources import files
from pathlib import Path

from commit import commit

PRIORS = ("zero123-xl", "stable-diffusion", "mvdream", "imagedream", "sdxl")
ENCODERS = {"zero123-xl": ("exact", "linear", "tiny"), "sdxl": ("tiny",)}
IMAGE_TOKENS = 16
"""Of ImageDream's resampler, beside the 77 of the words."""
OUTPUT = Path(__file__).parent / "results" / "priors.md"


def main() -> None:
    """Measure each prior, print and write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--prior", action="append", choices=PRIORS, help="all where none is given")
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--encoder", choices=("exact", "linear", "tiny"), help="each that is usual where none is given")
    parser.add_argument("--steps", type=int, default=2, help="measured, after one to warm up")
    parser.add_argument("--output", type=Path, default=OUTPUT)
    parser.add_argument("--row", action="store_true", help="measure one prior here and print its figures as JSON")
    arguments = parser.parse_args()
    priors = arguments.prior or PRIORS
    if arguments.row:
        print(json.dumps(measure(priors[0], arguments.encoder or "exact", arguments.device, arguments.steps)))
        return
    options = ["--row", "--device", arguments.device, "--steps", str(arguments.steps)]
    rows = []
    wanted = (arguments.encoder,) if arguments.encoder else None
    for prior, encoder in [(name, each) for name in priors for each in wanted or ENCODERS.get(name, ("exact",))]:
        command = [sys.executable, __file__, "--prior", prior, "--encoder", encoder, *options]
        rows.append(json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout))
    arguments.output.parent.mkdir(parents=True, exist_ok=True)
    arguments.output.write_text(page(rows), encoding="utf-8")
    print(page(rows))


def measure(name: str, encoder: str, device_name: str, steps: int) -> dict[str, object]:
    """One prior's figures."""
    import torch

    from dreamgaussian.guidance.gradients import sds_gradient
    from dreamgaussian.runs.folder import peak_memory_mb

    torch.manual_seed(0)
    device = torch.device(device_name)
    prior = with_encoder(random_prior(name, device), encoder, device)
    spec = prior.spec
    cameras = [[camera(spec, 360 / spec.views_per_sample * view) for view in range(spec.views_per_sample)]]
    images = torch.rand(1, spec.views_per_sample, 3, spec.resolution, spec.resolution, device=device)
    images.requires_grad_()
    t = torch.tensor([0.5], device=device)
    wall, cpu = {"encode": [], "predict": [], "backward": []}, []
    for _ in range(steps + 1):
        marks, busy = [clock(device)], time.process_time()
        x = prior.encode(images)
        marks.append(clock(device))
        gradient = sds_gradient(prior, x, t, torch.randn_like(x), cameras, scale=5.0, weighting="sigma_squared")
        marks.append(clock(device))
        x.backward(gradient)
        marks.append(clock(device))
        cpu.append(time.process_time() - busy)
        for key, start, end in zip(wall, marks, marks[1:], strict=False):
            wall[key].append(end - start)
    seconds = {key: statistics.median(values[1:]) for key, values in wall.items()}
    on_cuda = device.type == "cuda"
    memory = torch.cuda.max_memory_allocated() / 1e6 if on_cuda else peak_memory_mb()
    machine = (
        torch.cuda.get_device_name() if on_cuda else f"{platform.machine()}, {torch.get_num_threads()} threads of CPU"
    )
    return {
        "prior": name if encoder == "exact" else f"{name}, {encoder} encoder",
        **seconds,
        "cpu": statistics.median(cpu[1:]),
        "memory_mb": memory,
        "machine": f"{machine}, torch {torch.__version__}",
        "load": os.getloadavg()[0],
    }


def random_prior(name, device):
    """The prior at its full size, with random weights in the device's half precision."""
    import torch
    from diffusers.models.autoencoders.autoencoder_kl import AutoencoderKL
    from diffusers.models.unets.unet_2d_condition import UNet2DConditionModel
    from torch import nn

    from dreamgaussian.priors.clip import PromptEmbedding
    from dreamgaussian.priors.latent import LatentSpace
    from dreamgaussian.priors.multiview import MultiView
    from dreamgaussian.priors.multiview_unet import MultiViewUNet
    from dreamgaussian.priors.registry import prior_record
    from dreamgaussian.priors.schedule import Schedule
    from dreamgaussian.priors.stable_diffusion import VIEW_NAMES, StableDiffusion
    from dreamgaussian.priors.zero123 import SeenView, Zero123

    filled = partial(with_random_weights, device=device)
    spec = prior_record(name).spec
    space = LatentSpace(filled(on_meta(AutoencoderKL, published_config("vae-sdxl" if name == "sdxl" else "vae-sd"))))
    betas = {"beta_start": 0.00085, "beta_end": 0.012, "beta_schedule": "scaled_linear", "num_train_timesteps": 1000}
    schedule = Schedule.from_config(betas, device)
    config = unet_config(name)
    if name in ("mvdream", "imagedream"):
        with torch.device("meta"):
            unet = MultiViewUNet(config)
        seen = name == "imagedream"
        tokens = 77 + IMAGE_TOKENS * seen
        contexts = {key: torch.randn(tokens, 1024, device=device) for key in ("conditional", "unconditional")}
        image = {key: torch.randn(4, 32, 32, device=device) for key in contexts} if seen else None
        return MultiView(spec, space, schedule, filled(unet), contexts, image)
    unet = filled(on_meta(UNet2DConditionModel, config))
    if name in ("stable-diffusion", "sdxl"):
        tokens = torch.randn(77, config["cross_attention_dim"], device=device)
        pooled = torch.randn(1280, device=device) if name == "sdxl" else None
        words = {key: PromptEmbedding(tokens, pooled) for key in (*VIEW_NAMES, "unconditional")}
        return StableDiffusion(spec, space, schedule, unet, words)
    seen = SeenView(camera(spec, 0), torch.randn(1, 768, device=device), torch.randn(4, 32, 32, device=device))
    return Zero123(spec, space, schedule, unet, filled(nn.Linear(772, 768, device="meta")), (seen,), False)


def unet_config(name):
    """The published config of the prior's UNet; ImageDream's and Zero123's are known by what they add."""
    if name == "imagedream":
        return {**published_config("unet-mvdream"), "ip_dim": IMAGE_TOKENS}
    if name.startswith(("zero123", "stable-zero123")):
        return {**published_config("unet-sd1"), "in_channels": 8}
    return published_config({"stable-diffusion": "unet-sd2", "sdxl": "unet-sdxl", "mvdream": "unet-mvdream"}[name])


def published_config(network):
    """One of the configs that the package has for single files."""
    config = files("dreamgaussian.priors") / f"configs/{network}.json"
    return json.loads(config.read_text(encoding="utf-8"))


def on_meta(network, config):
    """A network of diffusers of the config's size, without memory."""
    import torch

    with torch.device("meta"):
        return network.from_config({key: value for key, value in config.items() if not key.startswith("_")})


def with_encoder(prior, encoder: str, device):
    """The prior with another way from images to latents."""
    from diffusers.models.autoencoders.autoencoder_tiny import AutoencoderTiny

    from dreamgaussian.priors.encoders import LinearGradient, TinyEncoder

    space = prior.latents
    if encoder == "linear":
        space = LinearGradient(space.vae, space.scale)
    if encoder == "tiny":
        tiny = with_random_weights(on_meta(AutoencoderTiny, {}), device=device)
        space = TinyEncoder(space.vae, space.scale, tiny=tiny)
    return replace(prior, latents=space)


def with_random_weights(network, device):
    """A network of the meta device, in the device's half precision."""
    import torch

    from dreamgaussian.priors.latent import working_dtype

    state = {}
    for name, tensor in network.state_dict().items():
        layout = torch.channels_last if tensor.ndim == 4 else torch.contiguous_format
        filled = 0.02 * torch.randn(tensor.shape, dtype=working_dtype(device), device=device)
        state[name] = filled.to(memory_format=layout)
    network.load_state_dict(state, assign=True)
    return network.eval().requires_grad_(False)


def camera(spec, azimuth_deg: float):
    """A camera of the prior's domain."""
    from dreamgaussian.core.camera import Camera

    return Camera.orbit(azimuth_deg, 0, spec.resolution, radius=spec.domain.radius)


def clock(device) -> float:
    """Seconds, with the device's queue empty."""
    import torch

    if device.type == "cuda":
        torch.cuda.synchronize()
    return time.perf_counter()


def page(rows: list[dict]) -> str:
    """The figures as Markdown."""
    lines = [
        "# The hub's priors at full size, with random weights",
        "",
        f"{datetime.now(UTC):%Y-%m-%d}, commit {commit()}, {rows[0]['machine']}, load of the machine "
        f"{min(row['load'] for row in rows):.1f} to {max(row['load'] for row in rows):.1f}. Seconds of one guided "
        "step of stage 1 (batch of one sample, conditional and unconditional together).",
        "",
        "| prior | encode | predict | backward | step | CPU time | 500 steps, two free cores | peak memory |",
        "|---|---:|---:|---:|---:|---:|---:|---:|",
    ]
    for row in rows:
        step = row["encode"] + row["predict"] + row["backward"]
        lines.append(
            f"| {row['prior']} | {row['encode']:.2f} s | {row['predict']:.2f} s | {row['backward']:.2f} s | "
            f"{step:.2f} s | {row['cpu']:.2f} s | {500 * row['cpu'] / 2 / 60:.1f} min | "
            f"{row['memory_mb'] / 1000:.1f} GB |"
        )
    lines += [
        "",
        "On a machine shared with others the wall clock tells little; CPU time divided by the threads is the floor, "
        "from which the column for two free cores is computed.",
    ]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    main()
