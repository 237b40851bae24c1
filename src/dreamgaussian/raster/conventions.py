"""Constants that all rasterisers share; the values are those of gsplat's "classic" rasteriser (Apache-2.0)."""

NEAR = 0.01
"""Gaussians whose centre is not farther than this along the viewing axis are not drawn, world units."""

BLUR_PX2 = 0.3
"""Added to both variances of every footprint, so that none falls between the pixels, in px²."""

FRUSTUM_MARGIN = 1.3
"""Off screen, the projection is linearised at the centre clamped to this multiple of the frustum, for stability."""

ALPHA_FLOOR = 2.0**-32
"""Footprints end here where `Cutoffs.alpha_min` is lower: below it nothing shows in a float32 image."""
