"""What a run opens before its first step: the subject, the priors conditioned on it, a rasteriser, the start."""

import logging
from dataclasses import replace
from pathlib import Path

import torch

from dreamgaussian.config import RunConfig
from dreamgaussian.core.clock import StageClock
from dreamgaussian.core.device import choose_device
from dreamgaussian.core.errors import ConfigError
from dreamgaussian.fitting.distillation import WeightedPrior, check_spec
from dreamgaussian.fitting.state import FitState
from dreamgaussian.formats import check_files
from dreamgaussian.guidance.prior import Prior
from dreamgaussian.meshing.quads import need_remesher
from dreamgaussian.pipeline import Run
from dreamgaussian.priors.caption import open_captioner
from dreamgaussian.priors.elevation import at_elevation, estimate_elevation
from dreamgaussian.priors.registry import PriorRecord, as_record, prior_record
from dreamgaussian.priors.settings import PriorSettings
from dreamgaussian.raster import choose_rasterizer
from dreamgaussian.text_to_image import GeneratedImage, TextToImage, generate_image
from dreamgaussian.text_to_image.to_subject import open_subject

logger = logging.getLogger(__name__)


def open_run(
    image: str | Path | None,
    config: RunConfig = RunConfig(),
    *,
    prior: Prior | PriorRecord | None = None,
    text_to_image: TextToImage | None = None,
) -> Run:
    """Check all settings, then open all that a run needs.

    Args:
        image: The front image; None for words alone, `config.prompt`.
        config: The settings.
        prior: Guides the run in place of the priors that the settings name: one that is ready, or the record of one
            that has to see the subject first.
        text_to_image: Makes the image of words alone, in place of the model that the settings name.

    Raises:
        DreamGaussianError: Says what is wrong and what to do; before any work, where that can be known.
    """
    clock = StageClock()
    if prior is None:
        records = [prior_record(settings.name) for settings in config.prior]
    else:
        records = [as_record(prior)]
        config = _with_record(config, records[0])
    _check(config, records)
    device = choose_device(config.device)
    rasterizer = choose_rasterizer(config.rasterizer, device)
    for record, settings in zip(records, config.prior, strict=True):
        record.fetch(settings, config.hub)
    describe = open_captioner(device, config.hub) if config.prompt == "auto" and image is not None else None

    generated: GeneratedImage | None = None
    if image is None and (model := text_to_image or config.text_to_image):
        generated = generate_image(model, config.prompt, config.negative_prompt, config.seed, device, config.hub)
    domain = records[0].spec.domain
    subject = open_subject(generated or image, config.subject, domain, config.prompt, config.negative_prompt)
    if describe is not None:
        config = replace(config, prompt=describe(subject.views[0].image))
        subject = replace(subject, prompt=config.prompt)
        logger.info("The image shows: %s", config.prompt)

    first = records[0].open(subject, device, config.prior[0], config.hub)
    if config.subject.estimate_elevation and image is not None:
        elevation = estimate_elevation(first, subject.views[0], torch.Generator().manual_seed(config.seed))
        logger.info("The image was taken from an elevation of %.0f degrees.", elevation)
        config = replace(config, subject=replace(config.subject, elevation_deg=elevation, estimate_elevation=False))
        if len(subject.views) == 1:
            first, subject = at_elevation(first, subject, elevation)
        else:  # how further images are framed depends on the front's elevation
            subject = open_subject(image, config.subject, domain, config.prompt, config.negative_prompt)
            first = records[0].open(subject, device, config.prior[0], config.hub)
    others = zip(records[1:], config.prior[1:], strict=True)
    priors = [first, *(record.open(subject, device, settings, config.hub) for record, settings in others)]
    weighted = tuple(WeightedPrior(p, settings.weight) for p, settings in zip(priors, config.prior, strict=True))
    state = FitState.start(config.fit, config.seed, first)
    return Run(config, subject, weighted, rasterizer, state, generated, clock.lap("Opening"))


def _with_record(config: RunConfig, record: PriorRecord) -> RunConfig:
    """The settings of a run that this prior guides; run.json then names it."""
    via_image = config.via_image
    if via_image == "auto":
        via_image = record.text_to_image or "none"
    return replace(config, prior=(PriorSettings(record.name),), via_image=via_image)


def _check(config: RunConfig, records: list[PriorRecord]) -> None:
    """Raises ConfigError or BackendUnavailable for what the settings ask and the priors or this machine lack."""
    check_files(config.export)
    if config.mesh.remesh:
        need_remesher()
    for record in records:
        check_spec(record.spec, config.fit.distill)
    if config.subject.estimate_elevation and not records[0].estimates_elevation:
        raise ConfigError(
            f"The prior {records[0].name} cannot tell the elevation of an image, as docs/priors.md explains. Give the "
            "degrees with --elevation, or choose --prior stable-zero123."
        )
