"""The priors by name: what is known of each without opening it, and how it is opened. No torch here.

A package of its own adds a prior by an entry point of the group `dreamgaussian.priors`, which names a `PriorRecord`:

    [project.entry-points."dreamgaussian.priors"]
    mine = "my_package.prior:RECORD"

It is then chosen like any other, by `--prior mine` or `PriorSettings("mine")`.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from typing import TYPE_CHECKING

from dreamgaussian.core.errors import ConfigError
from dreamgaussian.guidance.spec import VIEW_NAMES, CameraDomain, PriorSpec, SuggestedSettings
from dreamgaussian.priors.settings import HubSettings, PriorSettings

if TYPE_CHECKING:
    import torch

    from dreamgaussian.guidance.prior import Prior
    from dreamgaussian.inputs.subject import Subject

ENTRY_POINTS = "dreamgaussian.priors"
_TEXT_RADIUS = 2.5
"""Of the camera of text and multi-view priors in the paper (section 4.1)."""


@dataclass(frozen=True)
class PriorRecord:
    """What a run must know of a prior before there is one, and how the prior is made.

    A prior that is conditioned on the subject can only be made when the subject is ready, and the subject is framed as
    the prior's cameras want it. So a run reads `spec`, frames the subject, and calls `open`:

        record = PriorRecord(
            spec=PriorSpec("mine", resolution=256, background=1.0),
            open=lambda subject, device, *_: MyPrior(subject, device),
        )
        dg.image_to_3d("cat.png", prior=record)
    """

    spec: PriorSpec
    open: "Callable[[Subject, torch.device, PriorSettings, HubSettings], Prior]"
    """Gives the prior, conditioned on the subject, with its network on the device. The settings are those of the run;
    most priors need none of them."""
    suggested: SuggestedSettings = field(default_factory=SuggestedSettings)
    """Those of the prior that `open` gives."""
    fetch: Callable[[PriorSettings, HubSettings], object] = lambda *_: None
    """Sees to it that the weights are on this machine, before any work is done. Raises WeightsUnavailable."""
    text_to_image: str | None = None
    """The text-to-image model that words alone go through first, for a prior that goes by an image; None: the prior
    gets the words."""
    estimates_elevation: bool = False
    """The prior can tell from what elevation an image was taken (`priors/elevation.py`)."""

    weights: Callable[[], Path] | None = None
    """The file of its weights, where they come with the package."""

    @property
    def name(self) -> str:
        """What it is called."""
        return self.spec.name


def as_record(prior: "Prior | PriorRecord") -> PriorRecord:
    """The record of a prior that is ready, whatever the subject; a record itself."""
    if isinstance(prior, PriorRecord):
        return prior
    tells = hasattr(prior, "at_elevation")
    return PriorRecord(prior.spec, lambda *_: prior, prior.suggested, estimates_elevation=tells)


def prior_names() -> tuple[str, ...]:
    """All names that can be chosen: our own priors', then those of other packages."""
    others = (entry.name for entry in entry_points(group=ENTRY_POINTS) if entry.name not in RECORDS)
    return (*RECORDS, *others)


def check_name(name: str) -> None:
    """Raises ConfigError for a name that is no prior's, nor a folder or hub id; loads nothing."""
    if "/" not in name and name not in prior_names():
        raise ConfigError(
            f"No prior is called {name!r}. There are: {', '.join(prior_names())}; or give a hub id (owner/name) or a "
            "folder (such as ./name)."
        )


def resolve_name(name: str) -> str:
    """The name itself, or that of the prior whose files a folder or hub id holds.

    Raises ConfigError for an unknown name, WeightsUnavailable for a place that is no known prior's.
    """
    check_name(name)
    if "/" not in name:
        return name
    from dreamgaussian.priors.hub import recognise

    return recognise(name)


def prior_record(name: str) -> PriorRecord:
    """The record of the prior called `name`, or of that whose files a folder or hub id holds; needs no weights.

    Raises ConfigError for an unknown name, WeightsUnavailable for a place that is no known prior's.
    """
    known = resolve_name(name)
    if known in RECORDS:
        return RECORDS[known]
    (entry, *_) = entry_points(group=ENTRY_POINTS, name=known)
    return _loaded(entry)


def open_prior(
    name: str,
    subject: "Subject",
    device: "torch.device",
    path: str | None = None,
    *,
    roundness: float = PriorSettings.roundness,
    hub: HubSettings = HubSettings(),
) -> "Prior":
    """The prior called `name`, conditioned on the subject. No prior ever stands in for another.

    Args:
        name: As in `PriorSettings`; a folder or hub id tells by its files which prior it is.
        subject: What the prior is conditioned on.
        device: Where its network runs.
        path: Folder, file or hub id to take the weights from.
        roundness: As in `PriorSettings`, for `mini` alone.
        hub: How weights from the hub are loaded and run.

    Raises:
        ConfigError: For an unknown name, and where the subject lacks the image or the words that the prior needs.
        WeightsUnavailable: Where its weights are not to be had.
    """
    settings = PriorSettings(name, path=path, roundness=roundness)
    record = prior_record(name)
    return record.open(subject, device, settings, hub)


def _loaded(entry: EntryPoint) -> PriorRecord:
    try:
        record = entry.load()
    except Exception as error:  # another package's code may raise anything
        raise ConfigError(f"The prior {entry.name} cannot be loaded ({entry.value}: {error}).") from error
    if not isinstance(record, PriorRecord):
        raise ConfigError(f"The prior {entry.name} cannot be loaded ({entry.value} is no PriorRecord).")
    return record


def _open_mini(subject: "Subject", device: "torch.device", settings: PriorSettings, hub: HubSettings) -> "Prior":
    from dreamgaussian.priors.mini.prior import open_mini

    return open_mini(subject, device, roundness=settings.roundness)


def _mini_weights() -> Path:
    from dreamgaussian.priors.mini.weights import shipped_weights

    return shipped_weights()


def _from_hub(spec: PriorSpec, suggested: SuggestedSettings, *, estimates_elevation: bool = False) -> PriorRecord:
    """The record of a prior whose weights come from the hub."""

    def open_(subject: "Subject", device: "torch.device", settings: PriorSettings, hub: HubSettings) -> "Prior":
        from dreamgaussian.priors.from_hub import open_from_hub

        return open_from_hub(record, subject, device, settings.place, hub)

    def fetch(settings: PriorSettings, hub: HubSettings) -> object:
        from dreamgaussian.priors.from_hub import fetch

        return fetch(spec.name, settings.place, hub)

    record = PriorRecord(spec, open_, suggested, fetch, estimates_elevation=estimates_elevation)
    return record


def _image_prior(name: str, *, estimates_elevation: bool = False) -> PriorRecord:
    spec = PriorSpec(name, resolution=256, background=1.0, random_background=True)
    return _from_hub(spec, SuggestedSettings(guidance_scale=5.0), estimates_elevation=estimates_elevation)


def _text_prior(name: str, resolution: int) -> PriorRecord:
    spec = PriorSpec(
        name,
        resolution,
        background=1.0,
        random_background=True,
        domain=CameraDomain(radius=_TEXT_RADIUS),
        conditions=("conditional", "between views", "unconditional", "negative", *VIEW_NAMES),
    )
    return _from_hub(spec, SuggestedSettings(guidance_scale=100.0))


def _multiview_prior(name: str, elevation_range_deg: tuple[float, float], guidance_scale: float) -> PriorRecord:
    spec = PriorSpec(
        name,
        resolution=256,
        background=1.0,
        random_background=True,
        views_per_sample=4,
        view_spacing_deg=90.0,
        domain=CameraDomain(radius=_TEXT_RADIUS, elevation_range_deg=elevation_range_deg),
    )
    return _from_hub(spec, SuggestedSettings(guidance_scale, weighting="uniform"))


MINI = PriorRecord(
    PriorSpec(
        "mini",
        resolution=64,
        background=None,
        domain=CameraDomain(elevation_range_deg=(-20.0, 45.0)),
        x_bound=1.0,
    ),
    _open_mini,
    SuggestedSettings(weighting="reconstruction", times=(0.97, 0.8), opacity_loss_weight=0.6, refine_rounds=0),
    text_to_image="library",
    weights=_mini_weights,
)
HUB_PRIORS = {
    record.name: record
    for record in (
        _image_prior("zero123"),
        _image_prior("zero123-xl"),
        _image_prior("stable-zero123", estimates_elevation=True),
        _text_prior("stable-diffusion", 512),
        _text_prior("stable-diffusion-1.5", 512),
        _text_prior("sdxl", 1024),
        # Elevations of training: configs/mvdream-sd21.yaml and imagedream-sd21-shading.yaml of bytedance/ImageDream.
        _multiview_prior("mvdream", (0.0, 30.0), 100.0),
        _multiview_prior("imagedream", (0.0, 5.0), 5.0),
    )
}
"""Guidance scales and weightings are those of the paper's code."""
RECORDS = {MINI.name: MINI, **HUB_PRIORS}
