"""Assets made elsewhere, brought into the frame of a run's subject and back.

A run's subject fills a ball of radius 0.75 around the origin, which the default cameras see whole.
"""

from dataclasses import dataclass, replace

import torch
from jaxtyping import Float
from torch import Tensor

from dreamgaussian.core.camera import Camera
from dreamgaussian.core.errors import Diverged, EmptyResult, InputError
from dreamgaussian.core.gaussians import Gaussians

SUBJECT_RADIUS = 0.75
"""World units, of a normalized asset. The default cameras, 49.1 degrees high at a distance of 2, see a ball of 0.83."""
MIN_OPACITY = 0.1
"""Gaussians of a lower opacity do not count for the size of a scene."""
OUTLIER_SHARE = 0.005
"""Share of the Gaussians, at either end of each axis, that does not count for the size of a scene."""
MAX_REACH = 1.5
"""Gaussians that reach further out than this many times the scene's radius are left out."""
FIT_ROUNDS = 12
"""Rounds of moving and scaling in `frame_for`: exact for an orthographic camera after one, the rest is perspective."""


@dataclass(frozen=True, eq=False)
class Framing:
    """Where an asset lies: own point = center + scale x normalized point."""

    center: Float[Tensor, "3"]
    """In the asset's own frame."""
    scale: float
    """Length of a run's world unit in the asset's own units."""

    def normalize(self, points: Float[Tensor, "n 3"]) -> Float[Tensor, "n 3"]:
        """Points of the asset's own frame in a run's."""
        return (points - self.center) / self.scale

    def denormalize(self, points: Float[Tensor, "n 3"]) -> Float[Tensor, "n 3"]:
        """The inverse of `normalize`."""
        return self.center + self.scale * points


def frame_points(points: Float[Tensor, "n 3"]) -> Framing:
    """The framing that centres the points' bounding box and brings them into the ball of SUBJECT_RADIUS.

    Raises:
        InputError: the points are not finite, or all the same.
    """
    if not bool(points.isfinite().all()):
        raise InputError("The mesh has vertices that are not finite numbers. Export it again.")
    center = (points.amin(dim=0) + points.amax(dim=0)) / 2
    radius = float((points - center).norm(dim=1).max())
    if radius == 0:
        raise InputError("All vertices of the mesh lie in one point. Export it again.")
    return Framing(center, radius / SUBJECT_RADIUS)


def frame_gaussians(gaussians: Gaussians) -> tuple[Gaussians, Framing]:
    """Normalize a scene of Gaussians; outliers neither count for its size nor are kept.

    Returns:
        The normalized Gaussians without those far outside, and the framing that leads back.

    Raises:
        Diverged: numbers are not finite.
        EmptyResult: no Gaussian is opaque enough to be seen.
    """
    if not all(bool(tensor.isfinite().all()) for tensor in gaussians.tensors().values()):
        raise Diverged("The Gaussians hold numbers that are not finite. Export them again.")
    visible = gaussians[gaussians.opacities > MIN_OPACITY]
    if len(visible) == 0:
        raise EmptyResult(
            f"None of {len(gaussians)} Gaussians has an opacity above {MIN_OPACITY}: there is nothing to make a "
            "surface of."
        )
    means = visible.means.sort(dim=0).values
    outliers = int(OUTLIER_SHARE * len(means))
    low, high = means[outliers], means[len(means) - 1 - outliers]
    # Half the box's diagonal, and two standard deviations of a typical Gaussian, which reaches beyond its mean.
    radius = float((high - low).norm()) / 2 + 2 * float(visible.scales.amax(dim=1).median())
    framing = Framing((low + high) / 2, radius / SUBJECT_RADIUS)
    normalized = replace(
        gaussians,
        means=framing.normalize(gaussians.means),
        log_scales=gaussians.log_scales - torch.tensor(framing.scale).log(),
    )
    reach = normalized.means.norm(dim=1) + normalized.scales.amax(dim=1)
    return normalized[reach < MAX_REACH * SUBJECT_RADIUS], framing


def frame_for(points: Float[Tensor, "n 3"], camera: Camera, fill: float) -> Framing:
    """The framing under which a camera sees the points as an input image shows its subject.

    Their box in the image is centred and its longer side fills the share `fill` of the frame; the middle of their
    depths lies at the origin.

    Args:
        points: in their own frame.
        camera: square, looking at the origin.
        fill: share of the image's side, in (0, 1].

    Raises:
        InputError: as `frame_points`.
    """
    framing = frame_points(points)
    world_from_camera = camera.camera_from_world[:3, :3].T.float()
    for _ in range(FIT_ROUNDS):
        pixels, depths = camera.project(framing.normalize(points))
        low, high = pixels.amin(dim=0), pixels.amax(dim=0)
        aside = ((low + high) / 2 - camera.width / 2) * camera.radius / camera.focal_px
        behind = (depths.amin() + depths.amax()) / 2 - camera.radius
        shift = world_from_camera @ torch.stack([aside[0], -aside[1], -behind])
        zoom = fill * camera.width / float((high - low).max())
        # At most a factor of 2 a round, so that no point comes to lie behind the camera.
        framing = Framing(framing.denormalize(shift[None])[0], framing.scale / min(max(zoom, 0.5), 2.0))
    return framing
