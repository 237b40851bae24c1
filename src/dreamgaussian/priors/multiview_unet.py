"""The UNet of MVDream (arXiv 2308.16512) and ImageDream (arXiv 2312.02201), made of diffusers' own.

It is Stable Diffusion 2.1's, but for three things: self-attention runs over the pixels of all frames of a sample
together, the camera's numbers are added to the embedding of time, and ImageDream's cross-attention also looks at tokens
of an image. Files name tensors as github.com/bytedance/MVDream does: input_blocks, middle_block, output_blocks.

    n  frames of all samples     f  frames of one sample     l  pixels     c  channels
"""

from collections.abc import Mapping
from typing import Any

import torch.nn.functional as F
from diffusers.loaders.single_file_utils import convert_ldm_unet_checkpoint
from diffusers.models.attention_processor import AttnProcessor2_0
from diffusers.models.unets.unet_2d_condition import UNet2DConditionModel
from jaxtyping import Float
from torch import Tensor, nn

from dreamgaussian.priors.resampler import CLIP_H_WIDTH, Resampler


class MultiViewAttention:
    """Self-attention over all frames of a sample; cross-attention, told a context, of each frame by itself."""

    def __call__(
        self,
        attention: Any,
        hidden_states: Float[Tensor, "n l c"],
        encoder_hidden_states: Float[Tensor, "n m w"] | None = None,
        attention_mask: None = None,
        frames: int = 1,
    ) -> Float[Tensor, "n l c"]:
        """What each pixel reads. diffusers' `Attention` calls it with itself and these names."""
        sample = hidden_states
        if encoder_hidden_states is None:
            sample = hidden_states.unflatten(0, (-1, frames)).flatten(1, 2)
        return AttnProcessor2_0()(attention, sample, encoder_hidden_states).view_as(hidden_states)


class ImageTokensAttention(nn.Module):
    """Cross-attention whose context ends in tokens of an image: these have keys and values of their own, and what is
    read from them is added.
    """

    def __init__(self, attention: Any, image_tokens: int) -> None:
        super().__init__()
        self.image_tokens = image_tokens
        context, width = attention.to_k.in_features, attention.to_k.out_features
        self.to_k_ip = nn.Linear(context, width, bias=False)
        self.to_v_ip = nn.Linear(context, width, bias=False)

    def __call__(
        self,
        attention: Any,
        hidden_states: Float[Tensor, "n l c"],
        encoder_hidden_states: Float[Tensor, "n m w"],
        attention_mask: None = None,
        frames: int = 1,
    ) -> Float[Tensor, "n l c"]:
        """What each pixel reads from words and image, called as above."""
        count = encoder_hidden_states.shape[1] - self.image_tokens
        words, image = encoder_hidden_states.split([count, self.image_tokens], dim=1)

        def heads(tokens: Float[Tensor, "n l c"]) -> Float[Tensor, "n h l e"]:
            return tokens.unflatten(2, (attention.heads, -1)).transpose(1, 2)

        query = heads(attention.to_q(hidden_states))
        read = F.scaled_dot_product_attention(query, heads(attention.to_k(words)), heads(attention.to_v(words)))
        read += F.scaled_dot_product_attention(query, heads(self.to_k_ip(image)), heads(self.to_v_ip(image)))
        return attention.to_out[0](read.transpose(1, 2).flatten(2))


class MultiViewUNet(nn.Module):
    """The network.

    Args:
        config: The published unet/config.json.
        image_width: Width of the image encoder's tokens, for ImageDream.
    """

    def __init__(self, config: Mapping[str, Any], image_width: int = CLIP_H_WIDTH) -> None:
        super().__init__()
        self.unet: Any = UNet2DConditionModel(**diffusers_config(config))
        tokens = config.get("ip_dim", 0)
        if tokens:
            self.image_embed = Resampler(image_width, config["context_dim"], tokens)
        for name, layer in self.unet.named_modules():
            if name.endswith(("attn1", "attn2")):
                sees_image = tokens and name.endswith("attn2")
                layer.set_processor(ImageTokensAttention(layer, tokens) if sees_image else MultiViewAttention())

    def forward(
        self,
        x: Float[Tensor, "n d i j"],
        steps: Tensor,
        context: Float[Tensor, "n m w"],
        cameras: Float[Tensor, "n 16"],
        frames: int,
    ) -> Float[Tensor, "n d i j"]:
        """Predicted noise of frames that come sample by sample."""
        told = {"class_labels": cameras.to(x), "cross_attention_kwargs": {"frames": frames}}
        return self.unet(x, steps, context, **told, return_dict=False)[0]


def diffusers_config(config: Mapping[str, Any]) -> dict[str, Any]:
    """The published config in diffusers' terms."""
    widths = [config["model_channels"] * factor for factor in config["channel_mult"]]
    attends = [2**level in config["attention_resolutions"] for level in range(len(widths))]
    return {
        "in_channels": config["in_channels"],
        "out_channels": config["out_channels"],
        "block_out_channels": widths,
        "layers_per_block": config["num_res_blocks"],
        "down_block_types": ["CrossAttnDownBlock2D" if here else "DownBlock2D" for here in attends],
        "up_block_types": ["CrossAttnUpBlock2D" if here else "UpBlock2D" for here in reversed(attends)],
        "attention_head_dim": [width // config["num_head_channels"] for width in widths],  # The number of heads.
        "cross_attention_dim": config["context_dim"],
        "use_linear_projection": True,
        "class_embed_type": "projection",  # A perceptron, whose output is added to the embedding of time.
        "projection_class_embeddings_input_dim": config["camera_dim"],
    }


def from_published(tensors: Mapping[str, Tensor], config: Mapping[str, Any]) -> dict[str, Tensor]:
    """The published tensors by the names of `MultiViewUNet`.

    diffusers' converter does it; to it the cameras' perceptron is that of the labels of a network that knows classes.
    What is unknown keeps its name, and a network without cameras keeps all, so that the loader tells what doesn't fit.
    """
    if not {f"camera_embed.{layer}.{part}" for layer in (0, 2) for part in ("weight", "bias")} <= tensors.keys():
        return dict(tensors)
    prefix = "model.diffusion_model."
    unet = {
        prefix + name.replace("camera_embed.", "label_emb.0."): tensor
        for name, tensor in tensors.items()
        if not name.startswith("image_embed.")
    }
    converted = convert_ldm_unet_checkpoint(dict(unet), diffusers_config(config))
    known = {id(tensor) for tensor in converted.values()}
    unknown = {name: tensor for name, tensor in tensors.items() if id(tensor) not in known}
    return {f"unet.{_of_processor(name)}": tensor for name, tensor in converted.items()} | unknown


def _of_processor(name: str) -> str:
    return name.replace(".to_k_ip.", ".processor.to_k_ip.").replace(".to_v_ip.", ".processor.to_v_ip.")
