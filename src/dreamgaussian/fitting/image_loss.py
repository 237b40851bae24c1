"""The input images: the loss of their views, and where they show that no Gaussian should be."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float
from torch import Tensor

from dreamgaussian.core.gaussians import Gaussians
from dreamgaussian.core.image import premultiply
from dreamgaussian.fitting.settings import ReferenceSettings
from dreamgaussian.inputs.decoding import ALPHA_SEEN
from dreamgaussian.inputs.subject import View
from dreamgaussian.raster import Rasterizer, Render


@dataclass(frozen=True, eq=False)
class ReferenceView:
    """An input image at the size in which it is compared with renders."""

    view: View
    color: Float[Tensor, "h w 3"]
    """Premultiplied."""
    alpha: Float[Tensor, "h w"]


def reference_view(view: View, settings: ReferenceSettings) -> ReferenceView:
    """The image averaged down to the compared size, premultiplied."""
    image = premultiply(view.image).permute(2, 0, 1)[None]
    resized = F.interpolate(image, (settings.size, settings.size), mode="area")[0]
    camera = view.camera.resized(settings.size)
    return ReferenceView(View(view.image, camera, view.crop), resized[:3].permute(1, 2, 0), resized[3])


def reference_loss(
    gaussians: Gaussians,
    rasterizer: Rasterizer,
    references: Sequence[ReferenceView],
    settings: ReferenceSettings,
    progress: float,
) -> tuple[Float[Tensor, ""], list[Render]]:
    """lambda_RGB and lambda_A times mean squared errors of the input views (equation 4 of the paper).

    Args:
        gaussians: what is rendered.
        rasterizer: renders it.
        references: the input images.
        settings: the weights, and whether they grow with the progress.
        progress: share of the steps that are done, in [0, 1).

    Returns:
        The loss, and the renders. Losses of several images are added up, so that none counts less than a single one.
    """
    ratio = progress if settings.warm_up else 1.0
    total = gaussians.means.new_zeros(())
    renders: list[Render] = []
    for reference in references:
        render = rasterizer.render(gaussians, reference.view.camera)
        color_error = F.mse_loss(render.color, reference.color.to(render.color))
        alpha_error = F.mse_loss(render.alpha, reference.alpha.to(render.alpha))
        total = total + ratio * (settings.color_weight * color_error + settings.alpha_weight * alpha_error)
        renders.append(render)
    return total, renders


def outside_silhouette(
    points: Float[Tensor, "n 3"], references: Sequence[ReferenceView], margin: float | None
) -> Bool[Tensor, " n"]:
    """Which points an input image shows outside the subject's silhouette, or outside the frame: all show it whole.

    Args:
        points: in the world.
        references: the input images.
        margin: how far the silhouette is widened, as a share of the image's height; None: no point is outside.

    Returns:
        The mask of the points that at least one image shows outside.
    """
    outside = torch.zeros(len(points), dtype=torch.bool, device=points.device)
    if margin is None:
        return outside
    for reference in references:
        camera, reach = reference.view.camera, round(margin * reference.view.camera.height)
        seen = (reference.alpha > ALPHA_SEEN).to(points)[None, None]
        near = F.max_pool2d(seen, 2 * reach + 1, stride=1, padding=reach)[0, 0] > 0
        pixels, depths = camera.project(points)
        x, y = pixels.floor().long().unbind(dim=1)
        shown = (depths > 0) & (x >= 0) & (x < camera.width) & (y >= 0) & (y < camera.height)
        outside |= ~shown
        outside[shown] |= ~near[y[shown], x[shown]]
    return outside
