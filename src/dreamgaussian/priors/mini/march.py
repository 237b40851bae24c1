"""Ray marching by the C++ core (`csrc/march_kernels.h`): what `volume.march_reference` does, several times faster."""

from typing import Any

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor
from torch.autograd.function import once_differentiable

try:
    from dreamgaussian import _core
except ImportError:
    _core = None


def is_possible(volume: Tensor) -> bool:
    """Whether the core is there, and the volume where it can read it."""
    return _core is not None and volume.device.type == "cpu" and volume.dtype == torch.float32


def core_march(
    volume: Float[Tensor, "b 5 d h w"],
    image: Float[Tensor, "b 4 s s"],
    elevation: Float[Tensor, " b"],
    origins: Float[Tensor, "b #n 3"],
    directions: Float[Tensor, "b n 3"],
    jitter: Float[Tensor, "b n"],
    samples: int,
    conventions: list[float],
) -> Float[Tensor, "b n 4"]:
    """Premultiplied RGBA along rays; differentiable by the volume alone.

    `jitter` is in sample distances; `conventions` are the orbit's radius, the tangent of half the field of view, the
    frustum's half depth, the ball's radius and the density's scale.
    """
    # The core reads a voxel's channels side by side, and three more that are not used.
    voxels = F.pad(volume.permute(0, 2, 3, 4, 1), (0, 3))
    angles = torch.stack([elevation.sin(), elevation.cos()], dim=-1)
    rays = (origins.expand_as(directions), directions, jitter)
    return _March.apply(samples, conventions, voxels, image.permute(0, 2, 3, 1), angles, *rays)  # pyright: ignore


class _March(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, samples: int, conventions: list[float], *tensors: Tensor) -> Tensor:
        assert _core is not None
        assert samples <= _core.MOST_SAMPLES, samples
        # The core goes by addresses alone.
        kept = [tensor.detach().float().contiguous() for tensor in tensors]
        voxels, image, _, _, directions, _ = kept
        sizes = [len(voxels), *voxels.shape[1:4], image.shape[1], directions.shape[1], samples]
        march = _core.March([tensor.data_ptr() for tensor in kept], sizes, conventions)
        seen = directions.new_empty(*directions.shape[:2], 4)
        march.forward(seen.data_ptr(), torch.get_num_threads())
        ctx.march, ctx.kept = march, kept
        return seen

    @staticmethod
    @once_differentiable
    def backward(  # pyright: ignore[reportIncompatibleMethodOverride]
        ctx: Any, gradient: Tensor
    ) -> tuple[Tensor | None, ...]:
        by_voxels = torch.zeros_like(ctx.kept[0])
        gradient = gradient.float().contiguous()
        ctx.march.backward(gradient.data_ptr(), by_voxels.data_ptr(), torch.get_num_threads())
        return (None, None, by_voxels, *[None] * 5)
