"""What a user with a hub runs first: are a prior's files there, do they fit together, do they make an image?"""

import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from jaxtyping import Float
from PIL import Image
from torch import Tensor

from dreamgaussian.core.camera import Camera
from dreamgaussian.core.image import to_uint8
from dreamgaussian.guidance.cameras import sample_cameras
from dreamgaussian.guidance.distill import NOMINAL_SCALE, sample
from dreamgaussian.guidance.prior import Prior
from dreamgaussian.guidance.spec import PriorSpec
from dreamgaussian.inputs.subject import Crop, Subject, View
from dreamgaussian.priors.checkpoint import DiffusersFolder
from dreamgaussian.priors.encoders import load_tiny
from dreamgaussian.priors.from_hub import find_checkpoint, open_checkpoint, require_libraries
from dreamgaussian.priors.hub import locate
from dreamgaussian.priors.latent import over_white
from dreamgaussian.priors.offload import weights_in_memory
from dreamgaussian.priors.published import published
from dreamgaussian.priors.registry import HUB_PRIORS

PROMPT = "a red apple"
FITS = "Its networks are as their configs say, tensor by tensor."


def check(
    name: str,
    device: torch.device,
    image: Path,
    *,
    subject: Subject = Subject(),
    path: str | None = None,
    offload: bool = False,
    steps: int = 30,
    seed: int = 0,
) -> Iterator[str]:
    """Find, fetch and check the files of the prior called `name`, then denoise one sample into the file `image`.

    Yields lines for a person. A subject without words or an image gets an apple; so does a tiny encoder.
    Raises WeightsUnavailable with what was tried, as a run would.
    """
    yield from check_files(name, path)
    checkpoint = replace(find_checkpoint(name, path), offload=offload)
    if name in HUB_PRIORS:
        record = HUB_PRIORS[name]
        subject = _with_apple(subject, record.spec)
        prior = open_checkpoint(record, checkpoint, subject, device)
        yield FITS
        yield from _denoise(prior, subject, image, steps, seed)
    else:
        tiny: Any = load_tiny(checkpoint, device)
        yield FITS
        apple = over_white(_apple(256), 256)[None].to(next(tiny.parameters()))
        save_image(tiny.decode(tiny.encode(apple * 2 - 1).latents).sample[0] / 2 + 0.5, image)
        yield f"It should show {PROMPT}, encoded and decoded: {image}"


def check_files(name: str, path: str | None = None) -> Iterator[str]:
    """Find and fetch the files of a prior, or of what helps one, and tell their sizes. Raises WeightsUnavailable."""
    require_libraries(name)
    source = published(name)
    yield f"{name}: licence of the weights: {source.licence}."
    if path is not None and Path(path).expanduser().is_file():
        return
    located = locate(source, path)
    yield f"{located.source.name} has what is needed, {_megabytes(sum(located.sizes.values()))}:"
    for file, size in located.sizes.items():
        yield f"  {_megabytes(size):>10}  {file}"
    checkpoint = DiffusersFolder.fetched(located)
    shapes = {component: checkpoint.shapes(component) for component in source.folders}
    encoding, running = map(_megabytes, weights_in_memory(shapes))
    yield f"In memory its weights take {encoding} while words and images are encoded, then {running};"
    encoding, running = map(_megabytes, weights_in_memory(shapes, offload=True))
    yield f"with --hub.offload {encoding} on the graphics card, then {running}."


def save_image(pixels: Float[Tensor, "3 h w"], image: Path) -> None:
    """An image in [0, 1] into a file."""
    Image.fromarray(to_uint8(pixels.float().permute(1, 2, 0))).save(image)


def _denoise(prior: Prior, subject: Subject, image: Path, steps: int, seed: int) -> Iterator[str]:
    start, spec = time.perf_counter(), prior.spec
    cameras = [_cameras(spec)]
    scale = min(prior.suggested.guidance_scale, NOMINAL_SCALE)
    views = sample(prior, cameras, steps=steps, scale=scale, generator=torch.Generator().manual_seed(seed))
    save_image(torch.cat(list(views[0]), dim=-1), image)
    if len(cameras[0]) > 1 and "image_encoder" in published(spec.name).folders:
        seen = over_white(subject.views[0].image, spec.resolution).to(views)
        nearest = int((views[0] - seen).square().mean(dim=(1, 2, 3)).argmin())
        azimuth = spec.view_spacing_deg * nearest
        yield f"Most like the image is the view at azimuth {azimuth:.0f}; it should be that at 0."
    yield f"It should show {subject.prompt}, from {_sides(cameras[0])}."
    yield f"Denoised in {steps} steps and {time.perf_counter() - start:.0f} s: {image}"


def _sides(cameras: list[Camera]) -> str:
    azimuths = ", ".join(f"{camera.azimuth_deg:.0f}" for camera in cameras)
    return f"azimuth {azimuths} and {cameras[0].elevation_deg:.0f} degrees above"


def _cameras(spec: PriorSpec) -> list[Camera]:
    """From the side and a little above, or a round of views."""
    start = 45.0 if spec.views_per_sample == 1 else 0.0
    elevation = min(15.0, spec.domain.elevation_range_deg[1])
    return sample_cameras(spec, start, elevation, spec.resolution)


def _with_apple(subject: Subject, spec: PriorSpec) -> Subject:
    camera = Camera.orbit(0, 0, spec.resolution, radius=spec.domain.radius, fovy_deg=spec.domain.fovy_deg)
    views = subject.views or (View(_apple(spec.resolution), camera, Crop(1.0, (0.0, 0.0))),)
    return replace(subject, views=views, prompt=subject.prompt or PROMPT)


def _apple(size: int) -> Float[Tensor, "size size 4"]:
    """A red ball, lit from above left."""
    y, x = torch.meshgrid(*[(torch.arange(size) + 0.5) / (0.4 * size) - 1.25] * 2, indexing="ij")
    z = (1 - x**2 - y**2).clamp(min=0).sqrt()
    light = (0.25 + 0.75 * (0.6 * z - 0.4 * x - 0.69 * y).clamp(min=0))[..., None]
    inside = (x**2 + y**2 < 1).float()[..., None]
    return torch.cat([light * torch.tensor([0.85, 0.12, 0.1]), inside], dim=-1)


def _megabytes(size: int) -> str:
    return f"{size / 1e6:,.1f} MB" if size < 1e9 else f"{size / 1e9:,.2f} GB"
