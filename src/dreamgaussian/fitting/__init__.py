"""From a prior to Gaussians."""
