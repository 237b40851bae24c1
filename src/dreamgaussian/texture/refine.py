"""Stage 2: the texture corrected by what the prior makes of the mesh's views (arXiv 2309.16653, section 3.3).

A round draws the mesh from a few sides, noises the images and lets the prior denoise them in several steps. The
difference, taken and blurred at the prior's resolution and read off smoothly where a texel lies, is added to the
texture: a step of gradient descent on the squared difference (equation 6), preconditioned to be smooth, and as long
as makes the texture the mean of all that it has been told so far. Detail finer than the prior can see is left alone,
and so is what the input images show.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import torch
from jaxtyping import Float
from torch import Tensor

from dreamgaussian.core.camera import Camera
from dreamgaussian.core.errors import InputError
from dreamgaussian.core.mesh import Mesh
from dreamgaussian.guidance.cameras import sample_cameras
from dreamgaussian.guidance.distill import annealed_time, denoise, to_prior_input
from dreamgaussian.guidance.prior import Prior
from dreamgaussian.guidance.spec import PriorSpec
from dreamgaussian.inputs.subject import Subject
from dreamgaussian.raster.mesh import MeshScene, render_mesh, sample
from dreamgaussian.texture.fill import nearest_texels
from dreamgaussian.texture.settings import BakeSettings, RefineSettings
from dreamgaussian.texture.views import Texels, locate_texels, view_visibility, visible_texels

OVERSAMPLING = 4
"""Samples along a side of a pixel of the prior."""
TRUST_POWER = 2.0
"""Power of the cosine in how far an input image keeps its colours: smaller than `BakeSettings.cosine_power`, so that it
keeps them further out than it outweighed the rendered views."""
GOLDEN_RATIO = 0.6180339887498949
"""Rounds of azimuth from one sample to the next: any number of samples is spread evenly."""


@dataclass(frozen=True, eq=False)
class RefineStep:
    """Where the refinement stands after a round."""

    step: int
    """1 to `steps`."""
    steps: int
    loss: float
    """Mean squared difference between the mesh's views and the denoised ones."""
    mesh: Mesh


def refine(
    mesh: Mesh,
    prior: Prior,
    subject: Subject,
    generator: torch.Generator,
    settings: RefineSettings = RefineSettings(),
    baked_with: BakeSettings = BakeSettings(),
) -> Iterator[RefineStep]:
    """Correct the mesh's albedo round by round; may be dropped after any step.

    Args:
        mesh: with a texture; it lies where the prior's cameras look.
        prior: conditioned on the subject.
        subject: its input images; what they show stays as it is.
        generator: of the noise and the cameras; the prior is asked on its device.
        settings: of stage 2.
        baked_with: the settings that the texture was baked with, which tell how far the images decided it.

    Raises InputError if the mesh has no texture.
    """
    if mesh.albedo is None:
        raise InputError("The mesh has no texture to refine: bake one first.")
    scene = MeshScene(mesh.vertices, mesh.faces)
    texels = locate_texels(mesh, scene, mesh.albedo.shape[0])
    nearest = nearest_texels(texels.fragments)
    baked = mesh.albedo.view(-1, 3)[texels.fragments.pixels]
    correction = torch.zeros_like(baked)
    freedom = 1 - trust(subject, texels, scene, baked_with)[:, None]
    evidence = torch.full_like(freedom, settings.inertia)
    start = float(torch.rand(1, generator=generator, device=generator.device))

    rounds = settings.rounds(prior.suggested.refine_rounds)
    for step in range(rounds):
        progress = step / max(rounds - 1, 1)
        t = annealed_time(progress, settings.start_t, settings.end_t)
        cameras = [
            _cameras(prior.spec, start + (step * settings.views + i) * GOLDEN_RATIO, generator)
            for i in range(settings.views)
        ]
        difference, covered = _differences(mesh, prior, cameras, scene, t, generator, settings)
        change, weight = _back_project(difference, covered, cameras, texels, scene, settings.blur_px)
        evidence = evidence + weight
        correction = correction + (change - weight * (1 - freedom) * correction) / evidence
        mesh = replace(mesh, albedo=(baked + freedom * correction).clamp(0, 1)[nearest])
        loss = float((difference**2 * covered).sum() / (3 * covered.sum()).clamp_min(1))
        yield RefineStep(step + 1, rounds, loss, mesh)


def trust(subject: Subject, texels: Texels, scene: MeshScene, settings: BakeSettings) -> Float[Tensor, " k"]:
    """How far, in [0, 1], the input images decide each texel: nearly alone, but for the rim of what they see."""
    trusted = torch.zeros(len(texels.positions))
    for view in subject.views:
        visibility = view_visibility(scene, view.camera, settings.input_feather, view.image[..., 3], is_truth=True)
        visible = visible_texels(texels, visibility, TRUST_POWER)
        decided = settings.input_strength * visible.weights
        trusted[visible.indices] = trusted[visible.indices].maximum(decided / (1 + decided))
    return trusted


def _cameras(spec: PriorSpec, turn: float, generator: torch.Generator) -> list[Camera]:
    """One sample's cameras, the first at `turn` rounds of azimuth and a random elevation that the prior knows."""
    domain = spec.domain
    low, high = domain.elevation_range_deg
    azimuth = 360 * (turn % 1)
    elevation = low + (high - low) * float(torch.rand(1, generator=generator, device=generator.device))
    if domain.fixed_views_deg:
        azimuth, elevation = domain.fixed_views_deg[int(turn % 1 * len(domain.fixed_views_deg))]
    return sample_cameras(spec, azimuth, elevation, spec.resolution * OVERSAMPLING)


def _differences(
    mesh: Mesh,
    prior: Prior,
    cameras: Sequence[Sequence[Camera]],
    scene: MeshScene,
    t: float,
    generator: torch.Generator,
    settings: RefineSettings,
) -> tuple[Float[Tensor, "b v r r 3"], Float[Tensor, "b v r r 1"]]:
    """What the denoised views' colours have more than the mesh's, and where both show the object."""
    renders = [[render_mesh(mesh, camera, 1, scene) for camera in sample] for sample in cameras]
    color = torch.stack([torch.stack([render.color for render in sample]) for sample in renders])
    alpha = torch.stack([torch.stack([render.alpha for render in sample]) for sample in renders])
    before = to_prior_input(color, alpha, prior.spec)
    after = denoise(
        prior,
        before.to(generator.device),
        cameras,
        start_t=t,
        steps=settings.denoise_steps,
        scale=prior.suggested.guidance_scale,
        generator=generator,
    ).to(before)
    coverage = to_prior_input(alpha[..., None].expand_as(color), alpha, replace(prior.spec, background=0.0))[:, :, :1]
    shared = coverage if prior.spec.background is not None else after[:, :, 3:]
    straight_before, straight_after = (
        # Below half covered nothing is compared.
        (image[:, :, :3] - (1 - opacity) * (prior.spec.background or 0.0)) / opacity.clamp_min(0.5)
        for image, opacity in ((before, coverage), (after, shared))
    )
    covered = ((coverage > 0.5) & (shared > 0.5)).float()
    difference = (straight_after - straight_before) * covered
    return difference.permute(0, 1, 3, 4, 2), covered.permute(0, 1, 3, 4, 2)


def _back_project(
    difference: Float[Tensor, "b v r r 3"],
    covered: Float[Tensor, "b v r r 1"],
    cameras: Sequence[Sequence[Camera]],
    texels: Texels,
    scene: MeshScene,
    blur_px: float,
) -> tuple[Float[Tensor, "k 3"], Float[Tensor, "k 1"]]:
    """The weighted sum of the views' differences at each texel, and the sum of the weights."""
    change, weight = torch.zeros(len(texels.positions), 3), torch.zeros(len(texels.positions), 1)
    blurred = _blur(torch.cat([difference, covered], dim=-1), blur_px)
    for sample_index, cameras_of_sample in enumerate(cameras):
        for view_index, camera in enumerate(cameras_of_sample):
            visible = visible_texels(texels, view_visibility(scene, camera, 1 / camera.height), cosine_power=2.0)
            read = sample(blurred[sample_index, view_index], visible.uvs)
            mean = read[:, :3] / read[:, 3:].clamp_min(0.1)  # where less is covered the mean falls off to 0
            change.index_add_(0, visible.indices, visible.weights[:, None] * mean)
            weight.index_add_(0, visible.indices, visible.weights[:, None])
    return change, weight


def _blur(images: Float[Tensor, "b v r r c"], sigma: float) -> Float[Tensor, "b v r r c"]:
    """Gaussian blur along rows and columns, black outside."""
    pixels = torch.arange(images.shape[2])
    kernel = torch.exp(-0.5 * ((pixels[:, None] - pixels) / max(sigma, 1e-3)) ** 2)
    kernel = kernel / kernel.sum(dim=1).max()  # 1 in the middle of the image; at its borders black flows in
    return torch.einsum("ij,bvjkc,lk->bvilc", kernel, images, kernel)
