"""Stable Diffusion 1.5, 2.1, XL and compatible checkpoints (arXiv 2112.10752), with prompts that know the view."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from dreamgaussian.core.camera import Camera
from dreamgaussian.core.errors import ConfigError
from dreamgaussian.guidance.perp_neg import OVERHEAD_DEG, view_shares
from dreamgaussian.guidance.spec import VIEW_NAMES, PriorSpec
from dreamgaussian.inputs.subject import Subject
from dreamgaussian.priors.checkpoint import Checkpoint
from dreamgaussian.priors.clip import PromptEmbedding, embed_prompts, embed_sdxl_prompts, mixed
from dreamgaussian.priors.latent import LatentDiffusion, LatentSpace, load_latent_space, load_unet, run_unet
from dreamgaussian.priors.schedule import Schedule

HALF_FRONT_DEG = 45.0
FAULTS = "unrealistic, blurry, low quality, out of focus, ugly, low contrast, dull, dark, low-resolution, gloomy"
"""The negative prompt of those who give none (arXiv 2310.17590)."""


@dataclass(frozen=True, eq=False)
class StableDiffusion(LatentDiffusion):
    """The prior. Conditions:

    "conditional": the prompt with the name of each camera's view; "between views": the same with the encoded names of
    neighbouring views mixed as the camera's azimuth lies between them; "unconditional": the negative prompt where there
    is one, otherwise no words; "negative": the negative prompt, or else `FAULTS`; each of `VIEW_NAMES`: the prompt with
    that name, whatever the camera.
    """

    embeddings: Mapping[str, PromptEmbedding]
    """Encoded prompts by condition."""

    @torch.no_grad()
    def predict_noise(
        self,
        x_t: Float[Tensor, "b v d i j"],
        t: Float[Tensor, " b"],
        cameras: Sequence[Sequence[Camera]],
        conditions: Sequence[str],
    ) -> Float[Tensor, "k b v d i j"]:
        """Predicted noise under each condition, all in one batch."""
        prompts = [
            self._prompt(condition, camera) for condition in conditions for sample in cameras for camera in sample
        ]
        x = x_t.flatten(0, 1).repeat(len(conditions), 1, 1, 1)
        steps = self.schedule.steps(t).repeat_interleave(x_t.shape[1]).repeat(len(conditions))
        output = run_unet(
            self.unet, x, steps, torch.stack([prompt.tokens for prompt in prompts]), self._extra(prompts)
        ).to(x_t)
        return self.schedule.noise(output.view(len(conditions), *x_t.shape), x_t, t)

    def _prompt(self, condition: str, camera: Camera) -> PromptEmbedding:
        if condition == "between views":
            return mixed([(self.embeddings[name], share) for name, share in view_shares(camera).items()])
        return self.embeddings[view_name(camera) if condition == "conditional" else condition]

    def _extra(self, prompts: Sequence[PromptEmbedding]) -> dict[str, Tensor] | None:
        """What SDXL is told besides: the pooled prompt, and height and width, crop and target size of the image.

        Source: pipeline_stable_diffusion_xl.py of diffusers; arXiv 2307.01952, section 2.2.
        """
        pooled = [prompt.pooled for prompt in prompts if prompt.pooled is not None]
        if not pooled:
            return None
        side = self.spec.resolution
        sizes = torch.tensor([[side, side, 0, 0, side, side]]).to(pooled[0])
        return {"text_embeds": torch.stack(pooled), "time_ids": sizes.repeat(len(pooled), 1)}


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
    phrases = view_phrases(required_prompt(spec, subject), subject.negative_prompt)
    encoded = embed_prompts(checkpoint, sorted(set(phrases.values())), device)
    prompts = {name: encoded[phrase] for name, phrase in phrases.items()}
    return _with_networks(spec, checkpoint, prompts, load_latent_space(checkpoint, device), device)


def open_sdxl(spec: PriorSpec, checkpoint: Checkpoint, subject: Subject, device: torch.device) -> StableDiffusion:
    """The same for SDXL: two text encoders, "no words" is zero, and an autoencoder that float16 is too narrow for."""
    phrases = view_phrases(required_prompt(spec, subject), subject.negative_prompt)
    encoded = embed_sdxl_prompts(checkpoint, sorted(set(phrases.values())), device)
    prompts = {name: encoded[phrase] if phrase else _zeros(encoded[phrase]) for name, phrase in phrases.items()}
    space = load_latent_space(checkpoint, device, torch.bfloat16)
    return _with_networks(spec, checkpoint, prompts, space, device)


def view_phrases(prompt: str, negative_prompt: str) -> dict[str, str]:
    """The phrase of each condition."""
    phrases = {name: f"{prompt}, {name}" for name in VIEW_NAMES}
    return {**phrases, "unconditional": negative_prompt, "negative": negative_prompt or FAULTS}


def _zeros(prompt: PromptEmbedding) -> PromptEmbedding:
    """force_zeros_for_empty_prompt in the published model_index.json."""
    assert prompt.pooled is not None
    return PromptEmbedding(torch.zeros_like(prompt.tokens), torch.zeros_like(prompt.pooled))


def _with_networks(
    spec: PriorSpec,
    checkpoint: Checkpoint,
    prompts: Mapping[str, PromptEmbedding],
    space: LatentSpace,
    device: torch.device,
) -> StableDiffusion:
    unet = load_unet(checkpoint, device, in_channels=4)
    return StableDiffusion(spec, space, Schedule.from_config(checkpoint.scheduler_config(), device), unet, prompts)


def required_prompt(spec: PriorSpec, subject: Subject) -> str:
    """The subject's words. Raises ConfigError where it has none."""
    if not subject.prompt.strip():
        raise ConfigError(f'{spec.name} makes 3D from words, and none were given. Add --prompt "a ...".')
    return subject.prompt.strip()
