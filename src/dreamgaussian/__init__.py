"""DreamGaussian: one picture in; 3D Gaussians and a clean textured mesh out."""

__version__ = "0.1.0"
