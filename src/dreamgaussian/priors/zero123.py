"""Zero123, Zero123-XL and Stable Zero123 (arXiv 2303.11328): an image and a relative camera make the new view."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch
from jaxtyping import Float
from torch import Tensor, nn

from dreamgaussian.core.camera import Camera, nearest_camera
from dreamgaussian.core.errors import ConfigError
from dreamgaussian.guidance.spec import PriorSpec
from dreamgaussian.inputs.subject import Subject
from dreamgaussian.priors.checkpoint import Checkpoint
from dreamgaussian.priors.clip import embed_images
from dreamgaussian.priors.latent import (
    LatentDiffusion,
    load_latent_space,
    load_unet,
    over_white,
    run_unet,
    working_dtype,
)
from dreamgaussian.priors.schedule import Schedule

POSE_NUMBERS = 4


@dataclass(frozen=True, eq=False)
class SeenView:
    """An input image, encoded."""

    camera: Camera
    token: Float[Tensor, "1 width"]
    """CLIP's projected embedding."""
    latent: Float[Tensor, "4 i j"]
    """The autoencoder's mean, **not** scaled: Zero123 was trained so."""


@dataclass(frozen=True, eq=False)
class Zero123(LatentDiffusion):
    """The prior; conditions are "conditional" and "unconditional" (token and latent zero)."""

    projection: nn.Module
    """Linear, from the CLIP token and the pose's four numbers to the UNet's context."""
    seen: tuple[SeenView, ...]
    """Each new view is conditioned on the nearest of these."""
    absolute_polar: bool
    """The pose's fourth number is the input's polar angle (Stable Zero123), not the change of radius."""

    @torch.no_grad()
    def predict_noise(
        self,
        x_t: Float[Tensor, "b v d i j"],
        t: Float[Tensor, " b"],
        cameras: Sequence[Sequence[Camera]],
        conditions: Sequence[str],
    ) -> Float[Tensor, "k b v d i j"]:
        """Predicted noise under each condition, all in one batch."""
        tokens, latents = self._conditions([camera for sample in cameras for camera in sample])
        switches = [{"conditional": 1, "unconditional": 0}[condition] for condition in conditions]
        context = torch.cat([tokens * switch for switch in switches])
        latents = torch.cat([latents * switch for switch in switches])
        x = torch.cat([x_t.flatten(0, 1).repeat(len(switches), 1, 1, 1), latents.to(x_t)], dim=1)
        steps = self.schedule.steps(t).repeat_interleave(x_t.shape[1]).repeat(len(switches))
        output = run_unet(self.unet, x, steps, context).to(x_t)
        return self.schedule.noise(output.view(len(switches), *x_t.shape), x_t, t)

    def at_elevation(self, elevation_deg: float) -> "Zero123":
        """The same prior, told that its first image was taken from there; further images are left out."""
        first, domain = self.seen[0], self.spec.domain
        camera = Camera.orbit(0, elevation_deg, self.spec.resolution, radius=domain.radius, fovy_deg=domain.fovy_deg)
        return replace(self, seen=(replace(first, camera=camera),))

    def _conditions(self, cameras: Sequence[Camera]) -> tuple[Float[Tensor, "n 1 width"], Float[Tensor, "n d i j"]]:
        """For each camera the context token and the latent of the nearest input view."""
        known = [view.camera for view in self.seen]
        seen = [self.seen[nearest_camera(known, camera)] for camera in cameras]
        poses = [relative_pose(to, view.camera, self.absolute_polar) for to, view in zip(cameras, seen, strict=True)]
        tokens = torch.stack([view.token for view in seen])
        both = torch.cat([tokens, torch.tensor(poses).to(tokens)[:, None]], dim=-1)
        context = self.projection(both.to(next(self.projection.parameters()).dtype))
        return context, torch.stack([view.latent for view in seen])


def relative_pose(camera: Camera, seen: Camera, absolute_polar: bool) -> tuple[float, float, float, float]:
    """[polar - polar_seen, sin, cos (azimuth - azimuth_seen), radius - radius_seen], angles in radians.

    The polar angle is counted from straight above, so it falls as the camera rises; azimuth grows counter-clockwise
    seen from above, as here. Source: get_T in zero123/ldm/data/simple.py of github.com/cvlab-columbia/zero123. Stable
    Zero123 has the input's polar angle as its fourth number: get_cond in stable_zero123_guidance.py of
    github.com/threestudio-project/threestudio.
    """
    polar, polar_seen = (math.radians(90 - view.elevation_deg) for view in (camera, seen))
    azimuth = math.radians(camera.azimuth_deg - seen.azimuth_deg)
    fourth = polar_seen if absolute_polar else camera.radius - seen.radius
    return polar - polar_seen, math.sin(azimuth), math.cos(azimuth), fourth


def open_zero123(
    spec: PriorSpec, checkpoint: Checkpoint, subject: Subject, device: torch.device, *, absolute_polar: bool
) -> Zero123:
    """The prior, conditioned on the subject's images. Raises ConfigError where it has none."""
    if not subject.views:
        raise ConfigError(f"{spec.name} makes 3D from an image, and only words were given. Give an image.")
    images = torch.stack([over_white(view.image, spec.resolution) for view in subject.views])
    tokens = embed_images(checkpoint, images, device, output="projected", antialias=False)
    space = load_latent_space(checkpoint, device)
    latents = space.encode(images) / space.scale
    seen = tuple(SeenView(v.camera, *encoded) for v, *encoded in zip(subject.views, tokens, latents, strict=True))
    projection = load_projection(checkpoint, tokens.shape[-1], device)
    unet = load_unet(checkpoint, device, in_channels=2 * latents.shape[1])
    schedule = Schedule.from_config(checkpoint.scheduler_config(), device)
    return Zero123(spec, space, schedule, unet, projection, seen, absolute_polar)


def load_projection(checkpoint: Checkpoint, width: int, device: torch.device) -> nn.Module:
    """The linear layer, published as clip_camera_projection/ (proj) and as cc_projection/ (projection)."""
    tensors = {name.rsplit(".", 1)[-1]: tensor for name, tensor in checkpoint.tensors("projection").items()}
    network = nn.Linear(width + POSE_NUMBERS, width, device="meta")
    return checkpoint.adopt("projection", network, tensors, dtype=working_dtype(device), device=device)
