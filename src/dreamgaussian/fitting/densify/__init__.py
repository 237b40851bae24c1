"""Density control: Gaussians are added, moved and removed while they are fitted.

`densifier.py` is the protocol, `default.py` and `mcmc.py` implement it, and the table below gives each its name. No
torch here: settings are checked against the names.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from dreamgaussian.fitting.densify.densifier import Densifier
    from dreamgaussian.fitting.settings import FitSettings


def _default(settings: "FitSettings") -> "Densifier":
    from dreamgaussian.fitting.densify.default import DefaultDensifier

    return DefaultDensifier(settings.density)


def _mcmc(settings: "FitSettings") -> "Densifier":
    from dreamgaussian.fitting.densify.mcmc import McmcDensifier

    return McmcDensifier(settings.mcmc)


DENSIFIERS: dict[str, Callable[["FitSettings"], "Densifier"]] = {"default": _default, "mcmc": _mcmc}
"""What `fit.densify` may name. Another densifier is one file that holds it and one line here."""
