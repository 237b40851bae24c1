"""Cheaper ways from images to latents, for CPUs, where the autoencoder takes as long as the diffusion network.

Both approximate. `LinearGradient` keeps the latents and replaces what flows back from them; `TinyEncoder` replaces the
encoder, and with it the latents, by those of a network that was trained to imitate it. Decoding stays as it is.
"""

from dataclasses import dataclass, field
from typing import Any

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from dreamgaussian.core.errors import ConfigError
from dreamgaussian.priors.checkpoint import Checkpoint
from dreamgaussian.priors.latent import LatentSpace, working_dtype
from dreamgaussian.priors.published import Published

RGB_OF_LATENT = ((0.298, 0.207, 0.208), (0.187, 0.286, 0.173), (-0.158, 0.189, 0.264), (-0.184, -0.271, -0.473))
"""Colour in [-1, 1] of a scaled latent of Stable Diffusion 1.4, whose autoencoder 1.5, 2 and their heirs share: one row
a channel. Fitted to decoded images by the user keturn, discuss.huggingface.co/t/23204, second post."""
PATCH = 8
"""Pixels along a side that make one latent."""


@dataclass(frozen=True, eq=False)
class LinearGradient(LatentSpace):
    """Exact latents; an image's gradient is that of `linear_latents`, so the encoder is never run backwards.

    What this loses: the gradient of a latent is the same for its 64 pixels, so it moves colours and coarse shape, not
    texture finer than 8 pixels; and three colours hold one direction less than four channels.
    """

    def encode(self, images: Float[Tensor, "*batch 3 h w"]) -> Float[Tensor, "*batch 4 i j"]:
        """The posterior's mean, scaled."""
        with torch.no_grad():
            exact = super().encode(images)
        if not images.requires_grad:
            return exact
        linear = linear_latents(images).to(exact.device)
        return exact + linear - linear.detach()


@dataclass(frozen=True, eq=False)
class TinyEncoder(LatentSpace):
    """Latents of TAESD (github.com/madebyollin/taesd, MIT), which come scaled; decoded by the real autoencoder."""

    tiny: nn.Module = field(kw_only=True)

    def encode(self, images: Float[Tensor, "*batch 3 h w"]) -> Float[Tensor, "*batch 4 i j"]:
        """An imitation of the posterior's scaled mean; differentiable."""
        network: Any = self.tiny
        weight = next(self.tiny.parameters())
        flat = (images.flatten(0, -4) * 2 - 1).to(weight.device, weight.dtype, memory_format=torch.channels_last)
        return network.encode(flat).latents.float().unflatten(0, images.shape[:-3])


def linear_latents(images: Float[Tensor, "*batch 3 h w"]) -> Float[Tensor, "*batch 4 i j"]:
    """The smallest latents of which `RGB_OF_LATENT` makes the mean colour of each patch."""
    from_rgb = torch.linalg.pinv(torch.tensor(RGB_OF_LATENT)).to(images)
    colors = F.avg_pool2d(images.flatten(0, -4) * 2 - 1, PATCH)
    return torch.einsum("nchw,cd->ndhw", colors, from_rgb).unflatten(0, images.shape[:-3])


def check_linear(published: Published) -> None:
    """Raises ConfigError for a prior whose autoencoder's linear map is not known."""
    if published.tiny_encoder != "taesd":  # This one imitates the autoencoder that `RGB_OF_LATENT` was fitted to.
        raise ConfigError("The linear encoder is known for Stable Diffusion 1 and 2 only. Try --hub.encoder tiny.")


def load_tiny(checkpoint: Checkpoint, device: torch.device) -> nn.Module:
    """TAESD. Raises WeightsUnavailable."""
    from diffusers.models.autoencoders.autoencoder_tiny import AutoencoderTiny

    return checkpoint.load("vae", AutoencoderTiny, dtype=working_dtype(device), device=device)
