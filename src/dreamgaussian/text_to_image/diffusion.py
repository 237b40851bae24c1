"""Stable Diffusion and SDXL, which are priors too, as text-to-image models: they sample the words' front view."""

from dataclasses import dataclass

import torch

from dreamgaussian.core.camera import Camera
from dreamgaussian.guidance.distill import NOMINAL_SCALE, sample
from dreamgaussian.inputs.subject import Subject
from dreamgaussian.priors.from_hub import open_from_hub
from dreamgaussian.priors.registry import HUB_PRIORS
from dreamgaussian.priors.settings import HubSettings
from dreamgaussian.text_to_image import PLACE, GeneratedImage
from dreamgaussian.text_to_image.generated import OBJECT, as_image


@dataclass(frozen=True)
class DiffusionTextToImage:
    """Samples from the prior called `name`, which is opened for each image and then let go."""

    name: str
    device: torch.device
    settings: HubSettings
    steps: int = 30

    def __call__(self, prompt: str, negative_prompt: str, generator: torch.Generator) -> GeneratedImage:
        """An image of one object. Raises WeightsUnavailable."""
        subject = Subject(prompt=prompt + OBJECT, negative_prompt=negative_prompt)
        settings = HubSettings(lora=self.settings.text_to_image_lora, offload=self.settings.offload)
        record, place = HUB_PRIORS[self.name], self.settings.text_to_image_path
        prior = open_from_hub(record, subject, self.device, place, settings, option=PLACE)
        front = Camera.orbit(0, 0, prior.spec.resolution)
        (views,) = sample(prior, [[front]], steps=self.steps, scale=NOMINAL_SCALE, generator=generator)
        metadata = {"model": self.name, "prompt": subject.prompt, "steps": self.steps, "scale": NOMINAL_SCALE}
        return GeneratedImage(as_image(views[0], prompt), None, metadata)
