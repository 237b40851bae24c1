"""Stable Diffusion 1.5, 2.1 and compatible checkpoints (arXiv 2112.10752), with prompts that know the view."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from dreamgaussian.camera import Camera
from dreamgaussian.errors import ConfigError
from dreamgaussian.guidance import PriorSpec
from dreamgaussian.guidance.checkpoint import Checkpoint
from dreamgaussian.guidance.clip import embed_words
from dreamgaussian.guidance.latent import LatentDiffusion, load_latent_space, load_unet, run_unet
from dreamgaussian.guidance.schedule import Schedule
from dreamgaussian.subject import Subject

VIEW_NAMES = ("front view", "side view", "back view", "overhead view")
OVERHEAD_DEG = 60.0
HALF_FRONT_DEG = 45.0


@dataclass(frozen=True, eq=False)
class StableDiffusion(LatentDiffusion):
    """The prior. Conditions:

    "conditional": the prompt with the name of each camera's view; "unconditional": the negative prompt where there is
    one, otherwise no words; "negative": the negative prompt; each of `VIEW_NAMES`: the prompt with that name, whatever
    the camera.
    """

    words: Mapping[str, Float[Tensor, "tokens width"]]
    """Embeddings by condition."""

    @torch.no_grad()
    def predict_noise(
        self,
        x_t: Float[Tensor, "b v d i j"],
        t: Float[Tensor, " b"],
        cameras: Sequence[Sequence[Camera]],
        conditions: Sequence[str],
    ) -> Float[Tensor, "k b v d i j"]:
        """Predicted noise under each condition, all in one batch."""
        names = [
            view_name(camera) if condition == "conditional" else condition
            for condition in conditions
            for sample in cameras
            for camera in sample
        ]
        x = x_t.flatten(0, 1).repeat(len(conditions), 1, 1, 1)
        steps = self.schedule.steps(t).repeat_interleave(x_t.shape[1]).repeat(len(conditions))
        output = run_unet(self.unet, x, steps, torch.stack([self.words[name] for name in names])).to(x_t)
        return self.schedule.noise(output.view(len(conditions), *x_t.shape), x_t, t)


def view_name(camera: Camera) -> str:
    """What the camera sees: overhead above 60 degrees of elevation, else front within 45 degrees of azimuth 0, back
    within 45 degrees of azimuth 180, else side.

    Source: threestudio/models/prompt_processors/base.py of github.com/threestudio-project/threestudio.
    """
    front, side, back, overhead = VIEW_NAMES
    if camera.elevation_deg > OVERHEAD_DEG:
        return overhead
    if abs(camera.azimuth_deg) < HALF_FRONT_DEG:
        return front
    return back if abs(camera.azimuth_deg) > 180 - HALF_FRONT_DEG else side


def open_stable_diffusion(
    spec: PriorSpec, checkpoint: Checkpoint, subject: Subject, device: torch.device
) -> StableDiffusion:
    """The prior, conditioned on the subject's words. Raises ConfigError where it has none."""
    prompt = required_prompt(spec, subject)
    phrases = {name: f"{prompt}, {name}" for name in VIEW_NAMES}
    phrases |= {"unconditional": subject.negative_prompt, "negative": subject.negative_prompt}
    embeddings = embed_words(checkpoint, sorted(set(phrases.values())), device)
    space = load_latent_space(checkpoint, device)
    unet = load_unet(checkpoint, device, in_channels=4)
    schedule = Schedule.from_config(checkpoint.scheduler_config(), device)
    words = {name: embeddings[phrase] for name, phrase in phrases.items()}
    return StableDiffusion(spec, space, schedule, unet, words)


def required_prompt(spec: PriorSpec, subject: Subject) -> str:
    """The subject's words. Raises ConfigError where it has none."""
    if not subject.prompt.strip():
        raise ConfigError(f'{spec.name} makes 3D from words, and none were given. Add --prompt "a ...".')
    return subject.prompt.strip()
