"""From a density field to a clean mesh."""
