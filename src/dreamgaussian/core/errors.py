"""Everything that can go wrong, as one tree.

DreamGaussianError
├── InputError          an image, mesh or splat file cannot be used
├── ConfigError         a setting, flag, preset or output folder cannot be used
├── WeightsUnavailable  a prior's weights are not to be had
├── BackendUnavailable  a rasteriser or device that was asked for is not there
├── EmptyResult         a stage has nothing left to work on
└── Diverged            numbers stopped being finite

A message says what happened, with which value, and what to do next. Asserts are for our own mistakes only.
"""


class DreamGaussianError(Exception):
    """Base of every error that a person can cause or mend; the command line prints it and exits with 2."""


class InputError(DreamGaussianError):
    """An image, mesh or splat file cannot be used."""


class ConfigError(DreamGaussianError):
    """A setting, flag, preset or output folder cannot be used."""


class WeightsUnavailable(DreamGaussianError):
    """A prior's weights are not to be had."""


class BackendUnavailable(DreamGaussianError):
    """A rasteriser or device that was asked for is not there. Never answered by a silent fallback."""


class EmptyResult(DreamGaussianError):
    """A stage has nothing left to work on, such as a fit without Gaussians or a field without a surface."""


class Diverged(DreamGaussianError):
    """Numbers stopped being finite."""
