"""The embedded prior behind the seam: small enough to ship, small enough for a laptop's processor."""

import math
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from weakref import WeakKeyDictionary

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

from dreamgaussian.core.camera import Camera, nearest_camera
from dreamgaussian.core.errors import ConfigError, InputError
from dreamgaussian.core.image import premultiply, unpremultiply
from dreamgaussian.inputs.subject import Subject, View
from dreamgaussian.priors.mini import denoiser as diffusion
from dreamgaussian.priors.mini.colors import OwnColors
from dreamgaussian.priors.mini.denoiser import Denoiser
from dreamgaussian.priors.mini.layers import autocast
from dreamgaussian.priors.mini.lifted import Lifted, mixed_view, with_one_shape
from dreamgaussian.priors.mini.lifter import Lifter
from dreamgaussian.priors.mini.weights import load_weights, shipped_weights
from dreamgaussian.priors.registry import MINI

RESOLUTION = MINI.spec.resolution
CONDITIONS = ("conditional", "unconditional")
MIN_TIME = 1e-3
"""Below it the noise of a view cannot be told in float32."""


class MiniPrior:
    """Lifted images and a diffusion network that sees them. Made by `open_mini`."""

    spec = MINI.spec
    suggested = MINI.suggested

    @torch.no_grad()
    def __init__(self, lifter: Lifter, denoiser: Denoiser, views: Sequence[View]) -> None:
        self._device = next(denoiser.parameters()).device
        self._denoiser = denoiser
        self._remembered = WeakKeyDictionary[Camera, Tensor]()
        images = [_shrink(view.image).to(self._device) for view in views]
        elevations = torch.tensor([[view.camera.elevation_deg] for view in views], device=self._device).deg2rad()
        with autocast(self._device):
            volumes = [_lift(lifter, *pair) for pair in zip(images, elevations, strict=True)]
        cameras = [view.camera for view in views]
        each_alone = [Lifted(*each) for each in zip(cameras, images, elevations, volumes, strict=True)]
        self._lifted = with_one_shape(each_alone)
        self._own_colors = OwnColors(torch.cat(images))

    def alpha_sigma(self, t: Float[Tensor, " b"]) -> tuple[Float[Tensor, " b"], Float[Tensor, " b"]]:
        """Cosine schedule, variance-preserving."""
        return diffusion.alpha_sigma(t)

    def encode(self, images: Float[Tensor, "b v 4 h w"]) -> Float[Tensor, "b v 4 h w"]:
        """Premultiplied RGBA over mid-grey, in [-1, 1]; linear."""
        return diffusion.to_network(images)

    def decode(self, x: Float[Tensor, "b v 4 h w"]) -> Float[Tensor, "b v 4 h w"]:
        """Premultiplied RGBA, clamped to what can be."""
        return diffusion.from_network(x)

    @torch.no_grad()
    def lifted_view(self, camera: Camera) -> Float[Tensor, "4 h w"]:
        """The lifted images as any camera sees them: premultiplied RGBA, blurred where no image says anything."""
        return mixed_view(self._lifted, camera)

    @torch.no_grad()
    def surface_points(
        self, count: int, generator: torch.Generator
    ) -> tuple[Float[Tensor, "n 3"], Float[Tensor, "n 3"]]:
        """At most `count` random points of the lifted images' surfaces, and their colours."""
        share = count // len(self._lifted)
        points, colors = zip(*(each.surface_points(share, generator) for each in self._lifted), strict=True)
        return torch.cat(points).cpu(), torch.cat(colors).cpu()

    @torch.no_grad()
    def predict_noise(
        self,
        x_t: Float[Tensor, "b 1 4 64 64"],
        t: Float[Tensor, " b"],
        cameras: Sequence[Sequence[Camera]],
        conditions: Sequence[str] = CONDITIONS,
    ) -> Float[Tensor, "k b 1 4 64 64"]:
        """Predicted noise under each condition, each view conditioned on the nearest image.

        Cameras of any size are seen at the prior's resolution.
        """
        unknown = [condition for condition in conditions if condition not in CONDITIONS]
        if unknown:
            raise ConfigError(f"The mini prior has no condition {unknown[0]!r}; it knows {', '.join(CONDITIONS)}.")
        b, k = len(x_t), len(conditions)
        views = [view for (view,) in cameras]
        lifted = diffusion.to_network(torch.stack([self._remembered_view(view) for view in views]))
        known = [each.camera for each in self._lifted]
        seen = [(self._lifted[nearest_camera(known, view)], view) for view in views]
        images = torch.cat([each.image for each, _ in seen])
        angles = torch.tensor(
            [
                [each.relative_azimuth(view), math.radians(view.elevation_deg), float(each.elevation)]
                for each, view in seen
            ]
        ).to(x_t)
        known = torch.tensor([condition == "conditional" for condition in conditions], device=self._device)
        noisy, times = x_t[:, 0].repeat(k, 1, 1, 1), t.clamp(min=MIN_TIME).repeat(k)
        with autocast(self._device):
            x0 = self._denoiser(
                noisy,
                times,
                lifted.repeat(k, 1, 1, 1),
                diffusion.to_network(images).repeat(k, 1, 1, 1),
                angles.repeat(k, 1),
                known.repeat_interleave(b),
            )
        unseen = x_t.new_tensor([1 - max(each.cosine(view), 0.0) for each, view in seen])
        x0 = self._in_own_colors(x0.float(), known.repeat_interleave(b) * unseen.repeat(k))
        noise = diffusion.noise_from_clean(noisy, x0, times)
        return noise.view(k, b, 1, 4, RESOLUTION, RESOLUTION)

    def _in_own_colors(self, x: Float[Tensor, "n 4 s s"], shares: Float[Tensor, " n"]) -> Float[Tensor, "n 4 s s"]:
        """Views as the network has them, each taken its share of the way to where it has the images' colours."""
        view = diffusion.from_network(x)
        straight, alpha = unpremultiply(view.movedim(1, -1), min_alpha=1e-3).movedim(-1, 1).split([3, 1], dim=1)
        # The network's numbers run from -1 to 1: twice as far as colours.
        change = 2 * shares[:, None, None, None] * alpha * (self._own_colors(straight) - straight)
        return torch.cat([x[:, :3] + change, x[:, 3:]], dim=1)

    def _remembered_view(self, camera: Camera) -> Float[Tensor, "4 64 64"]:
        """The lifted view at the prior's resolution, kept as long as its camera: sampling comes back to it often."""
        if camera not in self._remembered:
            self._remembered[camera] = self.lifted_view(camera.resized(RESOLUTION))
        return self._remembered[camera]


def open_mini(
    subject: Subject,
    device: torch.device | str = "cpu",
    weights: Path | None = None,
    *,
    roundness: float | None = None,
) -> MiniPrior:
    """The embedded prior, conditioned on the subject's images; it knows no words.

    Raises WeightsUnavailable where the weights are missing or broken, InputError where the subject has no image.
    """
    if not subject.views:
        raise InputError("The mini prior needs an image, and this subject has only words. Give it one.")
    lifter, denoiser = load_weights(weights or shipped_weights())
    if roundness is not None:
        lifter.config = replace(lifter.config, inflation=roundness)
    return MiniPrior(lifter.to(device), denoiser.to(device), subject.views)


def _lift(lifter: Lifter, image: Float[Tensor, "1 4 s s"], elevation: Float[Tensor, "1"]) -> Float[Tensor, "1 5 d h w"]:
    """The mean of the volumes that the lifter makes of the image and of its mirror image."""
    straight, mirrored = lifter(torch.cat([image, image.flip(-1)]), elevation.expand(2)).split(1)
    return (straight + mirrored.flip(-1)) / 2


def _shrink(image: Float[Tensor, "h w 4"]) -> Float[Tensor, "1 4 64 64"]:
    """Straight alpha to premultiplied, at the prior's resolution."""
    premultiplied = premultiply(image).permute(2, 0, 1)[None]
    size = (RESOLUTION, RESOLUTION)
    return F.interpolate(premultiplied.float(), size=size, mode="bilinear", antialias=True).clamp(0, 1)
