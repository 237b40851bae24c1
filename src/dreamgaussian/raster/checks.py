"""What every rasteriser asks of its inputs."""

import torch
from jaxtyping import Float
from torch import Tensor

from dreamgaussian.core.errors import Diverged
from dreamgaussian.core.gaussians import Gaussians


def require_finite(gaussians: Gaussians, extra: Float[Tensor, "n e"] | None) -> None:
    """Raise Diverged, naming the tensor, where a number is infinite or not a number."""
    tensors = gaussians.tensors() | ({} if extra is None else {"extra": extra})
    with torch.no_grad():
        # One sum per tensor is cheap and gives itself away; only then is it worth looking at every number.
        if torch.stack([tensor.sum() for tensor in tensors.values()]).sum().isfinite():
            return
        for name, tensor in tensors.items():
            bad = (~tensor.isfinite().reshape(len(tensor), -1).all(dim=1)).nonzero()[:, 0]
            if len(bad):
                raise Diverged(
                    f"{name} of {len(bad)} of {len(tensor)} Gaussians is not finite, first number {int(bad[0])}: "
                    f"{tensor[bad[0]].flatten().tolist()}. Lower the learning rates, or go back to an earlier state."
                )


def wants_gradient(gaussians: Gaussians, extra: Float[Tensor, "n e"] | None) -> bool:
    """Whether a backward pass through the image is possible."""
    tensors = [*gaussians.tensors().values(), *([] if extra is None else [extra])]
    return torch.is_grad_enabled() and any(tensor.requires_grad for tensor in tensors)
