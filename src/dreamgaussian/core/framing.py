"""Assets made elsewhere: brought into the ball in which the subject of a run lives, and back."""

from dataclasses import dataclass, replace

import torch
from jaxtyping import Float
from torch import Tensor

from dreamgaussian.core.camera import Camera
from dreamgaussian.core.errors import Diverged, EmptyResult, InputError
from dreamgaussian.core.gaussians import Gaussians

SUBJECT_RADIUS = 0.75
"""Of a framed asset: the default cameras see a ball of 0.83 whole."""
STRAY = 0.005
"""Share of the Gaussians, at either end of each axis, that does not count when a scene is framed."""
MARGIN = 1.5
"""Gaussians that reach further out than this many times the scene's radius are left out."""
FRAMING_ROUNDS = 12
"""Of moving and scaling; perspective leaves each a little wrong."""
SOLID = 0.1
"""Gaussians of a lower opacity do not count when a scene is framed."""


@dataclass(frozen=True, eq=False)
class Framing:
    """Where an asset lies: its own point = center + scale x the framed point."""

    center: Float[Tensor, "3"]
    scale: float

    def enter(self, points: Float[Tensor, "n 3"]) -> Float[Tensor, "n 3"]:
        """The asset's own points, framed."""
        return (points - self.center) / self.scale

    def leave(self, points: Float[Tensor, "n 3"]) -> Float[Tensor, "n 3"]:
        """The inverse of `enter`."""
        return self.center + self.scale * points


def frame_points(points: Float[Tensor, "n 3"]) -> Framing:
    """The framing whose ball holds all points. Raises InputError where they are not finite or all the same."""
    if not bool(points.isfinite().all()):
        raise InputError("The mesh has vertices that are not finite numbers. Export it again.")
    center = (points.amin(dim=0) + points.amax(dim=0)) / 2
    radius = float((points - center).norm(dim=1).max())
    if radius == 0:
        raise InputError("All vertices of the mesh lie in one point. Export it again.")
    return Framing(center, radius / SUBJECT_RADIUS)


def frame_gaussians(gaussians: Gaussians) -> tuple[Gaussians, Framing]:
    """The Gaussians of a scene, framed without its far strays.

    Raises Diverged if their numbers are not finite, EmptyResult if there are none that are seen.
    """
    if not all(bool(tensor.isfinite().all()) for tensor in gaussians.tensors().values()):
        raise Diverged("The Gaussians hold numbers that are not finite. Export them again.")
    solid = gaussians[gaussians.opacities > SOLID]
    if len(solid) == 0:
        raise EmptyResult(
            f"None of {len(gaussians)} Gaussians has an opacity above {SOLID}: there is nothing to make a surface of."
        )
    means = solid.means.sort(dim=0).values
    stray = int(STRAY * len(means))
    low, high = means[stray], means[len(means) - 1 - stray]
    radius = float((high - low).norm()) / 2 + 2 * float(solid.scales.amax(dim=1).median())
    framing = Framing((low + high) / 2, radius / SUBJECT_RADIUS)
    framed = replace(
        gaussians,
        means=framing.enter(gaussians.means),
        log_scales=gaussians.log_scales - torch.tensor(framing.scale).log(),
    )
    reach = framed.means.norm(dim=1) + framed.scales.amax(dim=1)
    return framed[reach < MARGIN * SUBJECT_RADIUS], framing


def frame_for(points: Float[Tensor, "n 3"], camera: Camera, fill: float) -> Framing:
    """The framing under which a camera that looks at the origin sees the points as an input image shows its subject:
    their box centred, its longer side filling the share `fill` of the frame, the middle of their depth at the origin.

    Raises as `frame_points`.
    """
    framing = frame_points(points)
    world_from_camera = camera.camera_from_world[:3, :3].T.float()
    for _ in range(FRAMING_ROUNDS):
        framed = framing.enter(points)
        pixels, depths = camera.project(framed)
        low, high = pixels.amin(dim=0), pixels.amax(dim=0)
        aside = ((low + high) / 2 - camera.width / 2) * camera.radius / camera.focal_px
        behind = (depths.amin() + depths.amax()) / 2 - camera.radius
        shift = world_from_camera @ torch.stack([aside[0], -aside[1], -behind])
        zoom = fill * camera.width / float((high - low).max())
        framing = Framing(framing.leave(shift[None])[0], framing.scale / min(max(zoom, 0.5), 2.0))
    return framing
