"""The embedded prior: an image is lifted to a small volume, and a diffusion network sharpens the volume's views.

`layers` <- `lifter`, `volume`, `denoiser` <- `weights` <- `prior`.
"""

from dreamgaussian.priors.mini.prior import MiniPrior, open_mini

__all__ = ["MiniPrior", "open_mini"]
