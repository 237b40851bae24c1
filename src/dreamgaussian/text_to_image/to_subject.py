"""The subject of a run: of an image file, of an image that is made of words, or of words alone."""

from dataclasses import replace
from pathlib import Path

from dreamgaussian.guidance.spec import CameraDomain
from dreamgaussian.inputs.settings import SubjectSettings
from dreamgaussian.inputs.subject import Subject, subject_from_image
from dreamgaussian.text_to_image import GeneratedImage


def open_subject(
    image: str | Path | GeneratedImage | None,
    settings: SubjectSettings,
    domain: CameraDomain,
    prompt: str = "",
    negative_prompt: str = "",
) -> Subject:
    """The image cut out and recentred as a prior's cameras want it, and the words; words alone without an image.

    Args:
        image: A file, or what a text-to-image model made, whose own elevation counts where it is known.
        settings: How images become the subject.
        domain: The prior's cameras.
        prompt: What the image shows.
        negative_prompt: What the subject should not look like.

    Raises:
        InputError: Where the image cannot be used.
    """
    if image is None:
        return Subject((), prompt, negative_prompt)
    front = image.image if isinstance(image, GeneratedImage) else image
    further = ()
    if isinstance(image, GeneratedImage):
        if image.elevation_deg is not None:
            settings = replace(settings, elevation_deg=image.elevation_deg)
        if image.further:
            further, settings = image.further, replace(settings, framing="shared")
    fill, radius, fovy_deg = domain.subject_fill, domain.radius, domain.fovy_deg
    subject = subject_from_image(front, settings, further=further, fill=fill, radius=radius, fovy_deg=fovy_deg)
    return replace(subject, prompt=prompt, negative_prompt=negative_prompt)
