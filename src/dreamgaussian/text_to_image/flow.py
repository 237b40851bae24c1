"""Stable Diffusion 3.5 (arXiv 2403.03206), a rectified flow between images and noise, as a text-to-image model.

    x_s = (1 - s) x + s eps,  s from 0 (clean) to 1 (noise);  the network predicts v = dx_s / ds = eps - x

Of its three text encoders the largest, T5, is left out, as the paper proposes for small memories: words are followed
nearly as well, only lettering suffers. Networks are loaded one after the other.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

from dreamgaussian.priors.checkpoint import Checkpoint
from dreamgaussian.priors.clip import PromptEmbedding, embed_sd3_prompts
from dreamgaussian.priors.latent import load_latent_space
from dreamgaussian.text_to_image import GeneratedImage
from dreamgaussian.text_to_image.generated import OBJECT, as_image

T5_TOKENS = 256
"""Zeros stand in for them."""

Velocity = Callable[[Tensor, float], Tensor]


@dataclass(frozen=True, eq=False)
class FlowTextToImage:
    """Samples from a checkpoint of Stable Diffusion 3.5."""

    checkpoint: Checkpoint
    device: torch.device
    steps: int = 40
    scale: float = 4.5
    """Of classifier-free guidance; both as the model's card advises."""

    @torch.no_grad()
    def __call__(self, prompt: str, negative_prompt: str, generator: torch.Generator) -> GeneratedImage:
        """An image of one object. Raises WeightsUnavailable."""
        phrase = prompt + OBJECT
        prompts = embed_sd3_prompts(self.checkpoint, sorted({phrase, negative_prompt}), self.device)
        config = self.checkpoint.config("transformer")
        side = config["sample_size"]
        noise = torch.randn(1, config["in_channels"], side, side, generator=generator).to(self.device)
        velocity = self._velocity(config, [prompts[phrase], prompts[negative_prompt]])
        scheduler = flow_scheduler(self.checkpoint)
        scheduler.set_timesteps(self.steps)
        x = integrate(velocity, noise, scheduler.sigmas.tolist())
        del velocity  # Makes room for the decoder.
        image = load_latent_space(self.checkpoint, self.device, torch.bfloat16).decode(x)[0]
        metadata = {"model": self.checkpoint.name, "prompt": phrase, "steps": self.steps, "scale": self.scale}
        return GeneratedImage(as_image(image, prompt), None, metadata)

    def _velocity(self, config: dict[str, Any], prompts: Sequence[PromptEmbedding]) -> Velocity:
        from diffusers.models.transformers.transformer_sd3 import SD3Transformer2DModel

        network: Any = self.checkpoint.load(
            "transformer", SD3Transformer2DModel, dtype=torch.bfloat16, device=self.device
        )
        context = torch.stack([flow_context(prompt, config["joint_attention_dim"]) for prompt in prompts]).bfloat16()
        pooled = torch.stack([prompt.pooled for prompt in prompts if prompt.pooled is not None]).bfloat16()

        def velocity(x: Tensor, level: float) -> Tensor:
            step = torch.full((2,), 1000 * level, device=x.device)
            both = network(x.repeat(2, 1, 1, 1).bfloat16(), context, pooled, step, return_dict=False)[0].float()
            conditional, unconditional = both.chunk(2)
            return unconditional + self.scale * (conditional - unconditional)

        return velocity


def flow_scheduler(checkpoint: Checkpoint) -> Any:
    """diffusers' scheduler with the checkpoint's own settings; its `sigmas` are noise levels from 1 to 0."""
    from diffusers.schedulers.scheduling_flow_match_euler_discrete import FlowMatchEulerDiscreteScheduler

    return FlowMatchEulerDiscreteScheduler.from_config(checkpoint.scheduler_config())


def flow_context(prompt: PromptEmbedding, width: int) -> Float[Tensor, "tokens {width}"]:
    """CLIP's tokens, widened by zeros to T5's width, and zeros for T5's own (`encode_prompt` of diffusers'
    StableDiffusion3Pipeline).
    """
    clip = F.pad(prompt.tokens, (0, width - prompt.tokens.shape[-1]))
    return torch.cat([clip, clip.new_zeros(T5_TOKENS, width)])


def integrate(velocity: Velocity, x: Float[Tensor, "*shape"], levels: Sequence[float]) -> Float[Tensor, "*shape"]:
    """Follow the flow by Euler's steps from the first noise level to the last."""
    for level, following in pairwise(levels):
        x = x + (following - level) * velocity(x, level)
    return x
