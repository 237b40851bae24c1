"""What a person filled in on the page, as the settings of a run."""

from collections.abc import Mapping
from typing import Any, get_args

from dreamgaussian.config import PRESETS, RunConfig, from_json, preset, to_json
from dreamgaussian.core.errors import ConfigError
from dreamgaussian.priors.choice import PriorName
from dreamgaussian.studio.settings import StudioSettings

FIELDS = {
    "seed": ("seed",),
    "prior": ("prior", 0, "name"),
    "prompt": ("prompt",),
    "negative_prompt": ("negative_prompt",),
    "roundness": ("roundness",),
    "steps": ("fit", "steps"),
    "elevation_deg": ("subject", "elevation_deg"),
    "background": ("subject", "background"),
}
"""Where each field of the form belongs; no other setting can be reached from the page."""
MAX_WORDS = 500


def config_from_form(form: Mapping[str, Any], settings: StudioSettings) -> RunConfig:
    """The settings that a form asks for. Raises ConfigError, in words, for what cannot be."""
    name = form.get("preset", "default")
    if name not in PRESETS:
        raise ConfigError(f"No preset is called {name!r}. There are: {', '.join(PRESETS)}.")
    if (prior := form.get("prior", "mini")) not in get_args(PriorName):
        raise ConfigError(f"No prior is called {prior!r}. There are: {', '.join(get_args(PriorName))}.")
    values = to_json(preset(name))
    for field, path in FIELDS.items():
        if field in form:
            *parents, last = path
            place: Any = values
            for parent in parents:
                place = place[parent]
            place[last] = form[field]
    config = from_json(values)
    if config.fit.steps > settings.max_steps:
        raise ConfigError(f"{config.fit.steps} steps are more than this studio's {settings.max_steps}. Choose fewer.")
    if len(config.prompt) + len(config.negative_prompt) > MAX_WORDS:
        raise ConfigError(f"The words are longer than {MAX_WORDS} characters. Choose fewer.")
    if not 0 <= config.seed < 2**63:
        raise ConfigError(f"The seed is {config.seed}. Choose a whole number from 0 to 2^63.")
    return config
