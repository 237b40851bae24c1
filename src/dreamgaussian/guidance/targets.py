"""Score-based iterative reconstruction (MicroDreamer, arXiv 2404.19525): views are sampled now and then, and fitted."""

from dataclasses import dataclass, fields

import torch
from jaxtyping import Float
from torch import Tensor

from dreamgaussian.core.camera import Camera
from dreamgaussian.guidance.distill import Cameras, ddim, noise_like, noised, times_between
from dreamgaussian.guidance.prior import Prior

NOISED_SHARE = 0.6
"""Of the way up from the clean image: noise is added to t_1 = 0.6 t_2, and from there DDIM is inverted (inv_r of the
authors' configs)."""


@dataclass(frozen=True, eq=False)
class Targets:
    """What a prior made of some views of the Gaussians, to be fitted until the next time."""

    images: Float[Tensor, "n v c r r"]
    poses: Float[Tensor, "n v 4 4"]
    """camera_from_world of each view."""
    fovy_deg: Float[Tensor, ""]
    """float64."""

    @classmethod
    def names(cls) -> tuple[str, ...]:
        """The tensors' names, in order."""
        return tuple(field.name for field in fields(cls))

    def tensors(self) -> dict[str, Tensor]:
        """The tensors by name."""
        return {name: getattr(self, name) for name in self.names()}

    def cameras(self, index: int, size: int) -> list[Camera]:
        """Of one sample, for images of `size` pixels."""
        return [Camera(pose, size, size, self.fovy_deg.item()) for pose in self.poses[index]]


@torch.no_grad()
def sample_targets(
    prior: Prior,
    images: Float[Tensor, "n v c r r"],
    cameras: Cameras,
    t: float,
    *,
    stride: float,
    scale: float,
    from_noise: bool,
    generator: torch.Generator,
) -> Targets:
    """Better images of the same views (algorithm 1): noised, inverted without guidance up to t, and denoised.

    `from_noise`: the views are sampled anew, as long as the Gaussians show nothing. `stride` is the longest step in t.
    """
    x = prior.encode(images)
    x_t, top = noise_like(x, generator), x.new_full((len(x),), t)
    if not from_noise:
        middle = NOISED_SHARE * top
        x_t, _ = ddim(prior, noised(prior, x, x_t, middle), cameras, times_between(middle, top, stride), 0)
    _, x = ddim(prior, x_t, cameras, times_between(top, torch.zeros_like(top), stride), scale)
    poses = torch.stack([torch.stack([camera.camera_from_world for camera in sample]) for sample in cameras])
    fovy_deg = torch.tensor(cameras[0][0].fovy_deg, dtype=torch.float64)
    return Targets(prior.decode(x).clamp(0, 1).cpu(), poses, fovy_deg)
