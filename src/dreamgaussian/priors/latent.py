"""What all latent diffusion priors share: the autoencoder, the schedule, and the device's number format."""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from dreamgaussian.core.camera import Camera
from dreamgaussian.core.errors import WeightsUnavailable
from dreamgaussian.core.image import on_white, premultiply
from dreamgaussian.guidance.spec import PriorSpec, SuggestedSettings
from dreamgaussian.priors.checkpoint import Checkpoint
from dreamgaussian.priors.schedule import Schedule

SD_SCALE = 0.18215
"""Factor between the autoencoder's latents and those that Stable Diffusion 1 and 2 see (arXiv 2112.10752, appendix G);
the default of configs that don't tell it."""


@dataclass(frozen=True, eq=False)
class LatentSpace:
    """An autoencoder between images in [0, 1] and latents of about unit variance, 8 times smaller."""

    vae: nn.Module
    scale: float = SD_SCALE
    shift: float = 0.0
    """Taken from the autoencoder's latents before they are scaled."""

    def encode(self, images: Float[Tensor, "*batch 3 h w"]) -> Float[Tensor, "*batch d i j"]:
        """The posterior's mean, scaled; differentiable. (Its standard deviation is of no weight, so none is drawn.)"""
        flat = self._to_network(images.flatten(0, -4) * 2 - 1)
        mean = self._autoencoder.encode(flat).latent_dist.mode()
        return ((mean.float() - self.shift) * self.scale).unflatten(0, images.shape[:-3])

    def decode(self, latents: Float[Tensor, "*batch d i j"]) -> Float[Tensor, "*batch 3 h w"]:
        """Images in [0, 1], not clamped."""
        flat = self._to_network(latents.flatten(0, -4) / self.scale + self.shift)
        return (self._autoencoder.decode(flat).sample.float() / 2 + 0.5).unflatten(0, latents.shape[:-3])

    def _to_network(self, flat: Tensor) -> Tensor:
        weight = next(self.vae.parameters())
        return flat.to(weight.device, weight.dtype, memory_format=torch.channels_last)

    @property
    def _autoencoder(self) -> Any:
        return self.vae  # diffusers' AutoencoderKL, whose annotations are wrong.


@dataclass(frozen=True, eq=False)
class LatentDiffusion(ABC):
    """The three quarters of a `Prior` that don't depend on its conditions."""

    spec: PriorSpec
    latents: LatentSpace
    schedule: Schedule
    unet: nn.Module
    suggested: SuggestedSettings = field(default=SuggestedSettings(), kw_only=True)

    def alpha_sigma(self, t: Float[Tensor, " b"]) -> tuple[Float[Tensor, " b"], Float[Tensor, " b"]]:
        """Levels of the training step nearest to t."""
        return self.schedule.alpha_sigma(t)

    def encode(self, images: Float[Tensor, "b v 3 h w"]) -> Float[Tensor, "b v 4 i j"]:
        """Scaled latents; differentiable."""
        return self.latents.encode(images)

    def decode(self, x: Float[Tensor, "b v 4 i j"]) -> Float[Tensor, "b v 3 h w"]:
        """Images in [0, 1]."""
        return self.latents.decode(x)

    @abstractmethod
    def predict_noise(
        self,
        x_t: Float[Tensor, "b v d i j"],
        t: Float[Tensor, " b"],
        cameras: Sequence[Sequence[Camera]],
        conditions: Sequence[str],
    ) -> Float[Tensor, "k b v d i j"]:
        """Predicted noise under each condition, all in one batch."""


def run_unet(
    unet: nn.Module,
    x: Float[Tensor, "n c i j"],
    steps: Tensor,
    context: Float[Tensor, "n tokens width"],
    extra: Mapping[str, Tensor] | None = None,
) -> Float[Tensor, "n d i j"]:
    """One pass of diffusers' UNet over the whole batch, in its own number format; `extra` is what SDXL is told more."""
    dtype = _dtype(unet)
    told = None if extra is None else {key: value.to(dtype) for key, value in extra.items()}
    x = x.to(dtype, memory_format=torch.channels_last)
    output = unet(x, steps, encoder_hidden_states=context.to(dtype), added_cond_kwargs=told, return_dict=False)
    return output[0].float()


def working_dtype(device: torch.device) -> torch.dtype:
    """Half precision: float16 on graphics cards, bfloat16 on the CPU."""
    return torch.bfloat16 if device.type == "cpu" else torch.float16


def load_latent_space(checkpoint: Checkpoint, device: torch.device, dtype: torch.dtype | None = None) -> LatentSpace:
    """The autoencoder; `dtype` where the device's half precision does not suit it."""
    from diffusers.models.autoencoders.autoencoder_kl import AutoencoderKL

    config = checkpoint.config("vae")
    vae = checkpoint.load("vae", AutoencoderKL, dtype=dtype or working_dtype(device), device=device)
    return LatentSpace(vae, config.get("scaling_factor", SD_SCALE), config.get("shift_factor") or 0.0)


def load_unet(checkpoint: Checkpoint, device: torch.device, *, in_channels: int) -> nn.Module:
    """The UNet of a checkpoint in the diffusers layout, which runs with PyTorch's fused attention.

    Raises WeightsUnavailable for one that takes another number of channels than the prior feeds it.
    """
    from diffusers.models.unets.unet_2d_condition import UNet2DConditionModel

    config = checkpoint.config("unet")
    if config.get("in_channels") != in_channels:
        raise WeightsUnavailable(
            f"{checkpoint.name} holds another kind of model: its UNet takes {config.get('in_channels')} channels, and "
            f"this prior's takes {in_channels}. Give the right checkpoint with {checkpoint.option}."
        )
    return checkpoint.load("unet", UNet2DConditionModel, dtype=working_dtype(device), device=device)


def over_white(image: Float[Tensor, "h w 4"], size: int) -> Float[Tensor, "3 size size"]:
    """A straight RGBA image over white, averaged down to a square of `size` pixels."""
    rgb = on_white(premultiply(image)).permute(2, 0, 1)[None]
    return F.interpolate(rgb, (size, size), mode="bilinear", antialias=True, align_corners=False)[0].clamp(0, 1)


def _dtype(network: nn.Module) -> torch.dtype:
    return next(network.parameters()).dtype
