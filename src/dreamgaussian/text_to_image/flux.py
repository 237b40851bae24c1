"""FLUX.1 (github.com/black-forest-labs/flux), a rectified flow as in `flow`, as a text-to-image model.

Schnell, under Apache-2.0, is distilled to 4 steps without guidance. A checkpoint of dev, given by its id or folder, is
told its guidance as a number and takes 28 steps. Neither knows a negative prompt. Networks are loaded one after the
other.
"""

import logging
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from dreamgaussian.priors.checkpoint import Checkpoint
from dreamgaussian.priors.clip import embed_pooled_prompt
from dreamgaussian.priors.latent import load_latent_space
from dreamgaussian.priors.t5 import embed_t5_prompt
from dreamgaussian.text_to_image import GeneratedImage
from dreamgaussian.text_to_image.flow import Velocity, flow_scheduler, integrate
from dreamgaussian.text_to_image.generated import OBJECT, as_image

logger = logging.getLogger(__name__)

SIDE, LATENT_CHANNELS = 128, 16
"""Of the latents of 1024 pixels."""
DEV_GUIDANCE = 3.5


@dataclass(frozen=True, eq=False)
class FluxTextToImage:
    """Samples from a checkpoint of FLUX.1."""

    checkpoint: Checkpoint
    device: torch.device
    side: int = SIDE

    @torch.no_grad()
    def __call__(self, prompt: str, negative_prompt: str, generator: torch.Generator) -> GeneratedImage:
        """An image of one object. Raises WeightsUnavailable."""
        if negative_prompt:
            logger.warning("FLUX knows no negative prompt; %r is left out.", negative_prompt)
        phrase = prompt + OBJECT
        config = self.checkpoint.config("transformer")
        steps, tokens = (28, 512) if config["guidance_embeds"] else (4, 256)
        pooled = embed_pooled_prompt(self.checkpoint, phrase, self.device)
        words = embed_t5_prompt(self.checkpoint, phrase, tokens, self.device)
        noise = torch.randn(LATENT_CHANNELS, self.side, self.side, generator=generator).to(self.device)
        velocity = self._velocity(config, words, pooled)
        x = integrate(velocity, packed(noise), self._levels(steps))
        del velocity  # Makes room for the decoder.
        space = load_latent_space(self.checkpoint, self.device, torch.bfloat16)
        image = space.decode(unpacked(x, self.side)[None])[0]
        metadata = {"model": self.checkpoint.name, "prompt": phrase, "steps": steps}
        return GeneratedImage(as_image(image, prompt), None, metadata)

    def _levels(self, steps: int) -> list[float]:
        """Noise levels from 1 to 0: even for schnell; for dev shifted the more, the larger the image is."""
        scheduler = flow_scheduler(self.checkpoint)
        shift = np.interp((self.side // 2) ** 2, (256, 4096), (0.5, 1.15))  # get_lin_function of flux/sampling.py
        dynamic = {"mu": float(shift)} if scheduler.config.use_dynamic_shifting else {}
        scheduler.set_timesteps(sigmas=np.linspace(1, 1 / steps, steps), **dynamic)
        return scheduler.sigmas.tolist()

    def _velocity(
        self, config: dict[str, Any], words: Float[Tensor, "tokens width"], pooled: Float[Tensor, " pooled"]
    ) -> Velocity:
        from diffusers.models.transformers.transformer_flux import FluxTransformer2DModel

        network: Any = self.checkpoint.load(
            "transformer", FluxTransformer2DModel, dtype=torch.bfloat16, device=self.device
        )
        guidance = torch.full((1,), DEV_GUIDANCE, device=self.device) if config["guidance_embeds"] else None
        told = {
            "encoder_hidden_states": words[None].bfloat16(),
            "pooled_projections": pooled[None].bfloat16(),
            "img_ids": places(self.side // 2).to(self.device),
            "txt_ids": torch.zeros(len(words), 3, device=self.device),
            "guidance": guidance,
            "return_dict": False,
        }

        def velocity(x: Tensor, level: float) -> Tensor:
            time = torch.full((1,), level, device=x.device)
            return network(x[None].bfloat16(), timestep=time.bfloat16(), **told)[0][0].float()

        return velocity


def packed(latents: Float[Tensor, "c side side"]) -> Float[Tensor, "n width"]:
    """Squares of 2 x 2 as one token each, row by row, channel by channel within."""
    c, side, _ = latents.shape
    squares = latents.view(c, side // 2, 2, side // 2, 2)
    return squares.permute(1, 3, 0, 2, 4).reshape(-1, 4 * c)


def unpacked(tokens: Float[Tensor, "n width"], side: int) -> Float[Tensor, "c side side"]:
    """The inverse of `packed`."""
    squares = tokens.view(side // 2, side // 2, -1, 2, 2)
    return squares.permute(2, 0, 3, 1, 4).reshape(-1, side, side)


def places(side: int) -> Float[Tensor, "n 3"]:
    """0, row and column of each token."""
    row, column = torch.meshgrid(*[torch.arange(side).float()] * 2, indexing="ij")
    return torch.stack([torch.zeros_like(row), row, column], dim=-1).flatten(0, 1)
