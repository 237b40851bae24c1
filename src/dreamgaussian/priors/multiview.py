"""MVDream (words) and ImageDream (an image): four views, a quarter turn apart, denoised together."""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from dreamgaussian.core.camera import Camera
from dreamgaussian.core.errors import ConfigError, WeightsUnavailable
from dreamgaussian.guidance.spec import PriorSpec
from dreamgaussian.inputs.subject import Subject
from dreamgaussian.priors.checkpoint import Checkpoint
from dreamgaussian.priors.clip import embed_images, embed_prompts
from dreamgaussian.priors.latent import LatentDiffusion, load_latent_space, over_white, working_dtype
from dreamgaussian.priors.multiview_unet import MultiViewUNet, from_published
from dreamgaussian.priors.resampler import CLIP_H_WIDTH
from dreamgaussian.priors.schedule import Schedule
from dreamgaussian.priors.stable_diffusion import required_prompt

logger = logging.getLogger(__name__)

SUFFIX = ", 3d asset"
"""Ends every prompt that the networks were shown 3D objects with (scripts/t2i.py of github.com/bytedance/MVDream,
scripts/demo.py of github.com/bytedance/ImageDream)."""


@dataclass(frozen=True, eq=False)
class MultiView(LatentDiffusion):
    """The prior; conditions are "conditional", "unconditional" (the negative prompt or no words, and no image)."""

    contexts: Mapping[str, Float[Tensor, "tokens width"]]
    """Tokens of the words, and of the image where there is one, by condition."""
    image: Mapping[str, Float[Tensor, "4 i j"]] | None = None
    """ImageDream's fifth frame by condition: the image's latent, or zeros."""

    @torch.no_grad()
    def predict_noise(
        self,
        x_t: Float[Tensor, "b v d i j"],
        t: Float[Tensor, " b"],
        cameras: Sequence[Sequence[Camera]],
        conditions: Sequence[str],
    ) -> Float[Tensor, "k b v d i j"]:
        """Predicted noise under each condition, all in one batch."""
        poses = torch.stack([torch.stack([camera_numbers(camera) for camera in sample]) for sample in cameras])
        views = x_t.shape[1]
        x = x_t.expand(len(conditions), *x_t.shape)
        if self.image is not None:  # One more frame, with no camera.
            extra = torch.stack([self.image[condition] for condition in conditions]).to(x_t)
            x = torch.cat([x, extra[:, None, None].expand(-1, x_t.shape[0], -1, -1, -1, -1)], dim=2)
            poses = torch.cat([poses, torch.zeros_like(poses[:, :1])], dim=1)
        frames = x.shape[2]
        context = torch.stack([self.contexts[condition] for condition in conditions])
        dtype = next(self.unet.parameters()).dtype
        output = self.unet(
            x.flatten(0, 2).to(dtype, memory_format=torch.channels_last),
            self.schedule.steps(t).repeat_interleave(frames).repeat(len(conditions)),
            context.to(dtype).repeat_interleave(x_t.shape[0] * frames, dim=0),
            poses.to(x_t).flatten(0, 1).repeat(len(conditions), 1),
            frames,
        )
        output = output.to(x_t).unflatten(0, (len(conditions), -1, frames))[:, :, :views]
        return self.schedule.noise(output, x_t, t)


def camera_numbers(camera: Camera) -> Float[Tensor, "16"]:
    """The camera as the network knows it: its 4x4 pose (camera to world, camera axes as in OpenGL), row by row, in a
    world with z up and the subject's front along +x, the camera at distance 1.

    So (x, y, z) there is (z, x, y) here. The frame is that of get_camera and normalize_camera in
    mvdream/camera_utils.py of github.com/bytedance/MVDream. That the front is +x, their azimuth 90, is said outright by
    main.py (line 118) of github.com/dreamgaussian/dreamgaussian@69a3c70, for both networks, and agrees with MVDream's
    scripts/t2i.py, which starts at 90; with multiview_diffusion_guidance.py of github.com/bytedance/ImageDream, which
    takes threestudio's cameras as they are ("azimuth from +x to +y", the "front view" of its prompts at 0); and with
    app.py of github.com/3DTopia/LGM, which takes the view at 90 for the front. It is a habit of the training objects,
    not a rule: MVDream's authors never turned them (issue 15 of github.com/MV-Dream/MVDream).
    """
    pose = torch.linalg.inv(camera.camera_from_world)[[2, 0, 1, 3]]
    pose[:3, 3] /= pose[:3, 3].norm()
    return pose.flatten().float()


def open_multiview(spec: PriorSpec, checkpoint: Checkpoint, subject: Subject, device: torch.device) -> MultiView:
    """The prior, conditioned on the subject's words, and on its first image where the checkpoint knows images.

    That is the front; ImageDream was trained on no other side as its image, and its cameras are not relative to it
    (arXiv 2312.02201, figure 2). Raises ConfigError where words or image are missing.
    """
    config = checkpoint.config("unet")
    if "camera_dim" not in config:
        raise WeightsUnavailable(
            f"{checkpoint.name} holds another kind of model: its UNet knows no cameras. Give the right checkpoint with "
            f"{checkpoint.option}."
        )
    with_image = config.get("ip_dim", 0) > 0
    if with_image and not subject.views:
        raise ConfigError(f"{spec.name} makes 3D from an image, and only words were given. Give an image.")
    front, *others = subject.views or (None,)
    if with_image and others:
        logger.info(
            "%s looks at the front image alone, the only side that it was trained to take; the others count in the "
            "reference loss, the outline and the texture.",
            spec.name,
        )
    prompt = subject.prompt.strip() if with_image else required_prompt(spec, subject)
    phrases = {"conditional": (prompt + SUFFIX).removeprefix(", "), "unconditional": subject.negative_prompt}
    embeddings = embed_prompts(checkpoint, sorted(set(phrases.values())), device)
    contexts = {name: embeddings[phrase].tokens for name, phrase in phrases.items()}
    seen = over_white(front.image, spec.resolution)[None] if with_image and front else None
    tokens = None
    if seen is not None:
        tokens = embed_images(checkpoint, seen, device, output="penultimate", antialias=True)
    space = load_latent_space(checkpoint, device)
    with torch.device("meta"):
        network = MultiViewUNet(config, CLIP_H_WIDTH if tokens is None else tokens.shape[-1])
    weights = from_published(checkpoint.tensors("unet"), config)
    unet = checkpoint.adopt("unet", network, weights, dtype=working_dtype(device), device=device)
    schedule = Schedule.from_config(checkpoint.scheduler_config(), device)
    if seen is None or tokens is None:
        return MultiView(spec, space, schedule, unet, contexts)
    both = torch.cat([tokens, torch.zeros_like(tokens)]).to(working_dtype(device))
    known, unknown = unet.image_embed(both).float()
    latent = space.encode(seen)[0]
    return MultiView(
        spec,
        space,
        schedule,
        unet,
        {
            "conditional": torch.cat([contexts["conditional"], known]),
            "unconditional": torch.cat([contexts["unconditional"], unknown]),
        },
        {"conditional": latent, "unconditional": torch.zeros_like(latent)},
    )
