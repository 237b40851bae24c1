"""The fields of the page's form, as the settings of a run."""

from collections.abc import Mapping
from typing import Any

from dreamgaussian.config import PRESETS, RunConfig, from_json, preset, to_json
from dreamgaussian.core.errors import ConfigError
from dreamgaussian.priors.registry import prior_names
from dreamgaussian.studio.settings import StudioSettings

FIELDS = {
    "seed": ("seed",),
    "prior": ("prior", 0, "name"),
    "prompt": ("prompt",),
    "negative_prompt": ("negative_prompt",),
    "roundness": ("prior", 0, "roundness"),
    "steps": ("fit", "steps"),
    "elevation_deg": ("subject", "elevation_deg"),
    "background": ("subject", "background"),
}
"""Path of every form field in the JSON of a RunConfig; the page reaches no other setting."""
MAX_PROMPT_CHARACTERS = 500
"""Of the prompt and the negative prompt together."""


def config_from_form(form: Mapping[str, Any], settings: StudioSettings) -> RunConfig:
    """The preset's settings with the form's fields put in. Raises ConfigError for values that are not allowed."""
    name = form.get("preset", "default")
    if name not in PRESETS:
        raise ConfigError(f"No preset is called {name!r}. There are: {', '.join(PRESETS)}.")
    if (prior := form.get("prior", "mini")) not in prior_names():
        raise ConfigError(f"No prior is called {prior!r}. There are: {', '.join(prior_names())}.")
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
    if len(config.prompt) + len(config.negative_prompt) > MAX_PROMPT_CHARACTERS:
        raise ConfigError(f"The prompts are longer than {MAX_PROMPT_CHARACTERS} characters. Shorten them.")
    if not 0 <= config.seed < 2**63:
        raise ConfigError(f"The seed is {config.seed}. Choose a whole number from 0 to 2^63.")
    return config
