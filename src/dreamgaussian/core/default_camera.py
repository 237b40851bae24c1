"""The camera that images are taken to come from where nothing else is known. No torch here."""

DEFAULT_RADIUS = 2.0
"""Distance from the origin, in world units."""
DEFAULT_FOVY_DEG = 49.1
"""Zero123's field of view, which the paper uses; the frame's half-height at the origin is 0.914."""
